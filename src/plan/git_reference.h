// SPDX-License-Identifier: Apache-2.0
// GitReference: what an address such as https://host/repo.git#branch:folder asks for, as BuildKit reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::plan {

struct GitReference {
  // http, https, ssh or git URL, or user@host:path. Without user name and password if it is http or https.
  std::string remote;
  std::string login;     // "user:password" that an http or https address had; goes nowhere but to the server
  std::string ref;       // branch, tag, commit or full name of a ref; empty = the repository's default branch
  std::string subdir;    // plain path of what to take; empty = everything
  std::string checksum;  // hexadecimal digits with which the commit has to begin; empty = any commit
  std::optional<bool> keep_git_dir;
  bool submodules = true;
  bool commit_times = false;  // files have the commit's time instead of that of the checkout
  // "github.com/…" without a scheme: also a path, and a directory of that name is meant first.
  bool may_be_path = false;

  // The ref is a whole commit id: it needs no asking what it stands for.
  [[nodiscard]] bool names_commit() const;
  bool operator==(const GitReference&) const = default;
};

// nullopt: `text` is something else. An error: it is an address of a repository, and something in it is
// wrong or could be taken for an option by git.
Result<std::optional<GitReference>> parse_git_reference(std::string_view text);

// `checksum` of an ADD beside what the address says.
Status set_checksum(GitReference& reference, std::string_view checksum);

// 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
bool is_commit_id(std::string_view text);

// "a%20b" → "a b".
Result<std::string> percent_decoded(std::string_view text);

// `text` with user name and password of an address in it made unreadable ("https://xxxxx:xxxxx@host/…"), for
// titles, history and messages. Any text that is no such address stays as it is.
std::string without_login(std::string_view text);

}  // namespace shale::plan
