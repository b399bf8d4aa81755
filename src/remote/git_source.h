// SPDX-License-Identifier: Apache-2.0
// GitSource: from the address of a repository to a commit, and from a commit to its files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/git_reference.h"
#include "remote/git_program.h"
#include "remote/secret.h"
#include "shale/events.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::remote {

// What a reference means at this moment.
struct GitCommit {
  std::string id;         // all digits
  std::string tag_id;     // of the annotated tag that the ref names, if it does
  std::string full_name;  // "refs/heads/main", "refs/tags/v1": by what name it is fetched; empty = by its id
};

struct GitFiles {
  store::WorkDirectory directory;  // fs holds the files, owned by the user
  std::int64_t commit_time = 0;    // seconds since 1970
};

class GitSource {
 public:
  // See GitProgram for who may use it.
  static Result<GitSource> create(plan::GitReference reference, const std::vector<Secret>& secrets,
                                  const std::string& ssh_socket, EventSink& events);

  // Asks the server, unless the reference names a whole commit id. The checksum is checked: it may also be
  // the beginning of an annotated tag's id, and without a ref it chooses among all branches and tags.
  Result<GitCommit> resolve() const;
  // Fetches exactly this commit and lays its files (of the folder that the reference names) into a new
  // directory of `lease`, submodules included. With `keep_git_dir` and without a folder, .git is there too.
  Result<GitFiles> fetch(const GitCommit& commit, bool keep_git_dir, const store::Store& store,
                         store::BuildLease& lease) const;

  [[nodiscard]] const plan::GitReference& reference() const { return reference_; }

 private:
  GitSource(plan::GitReference reference, GitProgram git)
      : reference_(std::move(reference)), git_(std::move(git)) {}
  Status fetch_commit(const std::string& git_dir, const GitCommit& commit) const;
  Status keep(const std::string& git_dir, const std::string& work_tree) const;

  plan::GitReference reference_;
  GitProgram git_;
};

}  // namespace shale::remote
