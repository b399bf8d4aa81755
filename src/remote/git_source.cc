// SPDX-License-Identifier: Apache-2.0
#include "remote/git_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>

#include "sys/files.h"

namespace shale::remote {

namespace {

// The lines "<id>\t<name>" of git ls-remote, by name.
std::map<std::string, std::string> read_refs(const std::string& text) {
  std::map<std::string, std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    if (line.starts_with("ref: "))  // --symref: where HEAD points to
      out["symref " + line.substr(tab + 1)] = line.substr(5, tab - 5);
    else if (plan::is_commit_id(line.substr(0, tab)))
      out[line.substr(tab + 1)] = line.substr(0, tab);
  }
  return out;
}

// As git checkout and BuildKit decide: a branch, then a tag, then any other ref of that name.
GitCommit choose(const std::map<std::string, std::string>& refs, const std::string& ref) {
  if (ref.empty()) {
    const auto head = refs.find("HEAD");
    if (head == refs.end()) return {};
    const auto branch = refs.find("symref HEAD");
    return {
        .id = head->second, .tag_id = {}, .full_name = branch == refs.end() ? std::string() : branch->second};
  }
  for (const std::string& name : {fmt::format("refs/heads/{}", ref), fmt::format("refs/tags/{}", ref), ref,
                                  fmt::format("refs/{}", ref)}) {
    const auto found = refs.find(name);
    if (found == refs.end()) continue;
    GitCommit out{
        .id = found->second, .tag_id = {}, .full_name = name.starts_with("refs/") ? name : std::string()};
    if (const auto peeled = refs.find(name + "^{}"); peeled != refs.end()) {
      out.tag_id = std::move(out.id);
      out.id = peeled->second;
    }
    return out;
  }
  return {};
}

bool matches(const GitCommit& commit, const std::string& checksum) {
  return commit.id.starts_with(checksum) || (!commit.tag_id.empty() && commit.tag_id.starts_with(checksum));
}

// The one commit with a name that begins with these digits.
std::optional<GitCommit> choose_by_digits(const std::map<std::string, std::string>& refs,
                                          const std::string& digits) {
  std::optional<GitCommit> out;
  for (const auto& [name, id] : refs) {
    if (!name.starts_with("refs/") || name.ends_with("^{}")) continue;
    GitCommit commit = choose(refs, name);
    if (!matches(commit, digits)) continue;
    if (out && out->id != commit.id) return std::nullopt;
    out = std::move(commit);
  }
  return out;
}

// Visits everything below `directory`, a directory after what is in it; links are not followed.
using Visit = std::function<Status(int directory, const std::string& name, const struct stat& info)>;
Status visit_below(int directory, const Visit& visit) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(directory));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const struct stat info, sys::stat_at(directory, name));
    if (S_ISDIR(info.st_mode)) {
      ASSIGN_OR_RETURN(const UniqueFd below,
                       sys::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      RETURN_IF_ERROR(visit_below(below.get(), visit));
    }
    RETURN_IF_ERROR(visit(directory, name, info));
  }
  return {};
}

// The file .git of a submodule names a directory that does not come along.
Status remove_git_files(int directory) {
  return visit_below(directory, [](int where, const std::string& name, const struct stat& info) -> Status {
    if (name == ".git" && !S_ISDIR(info.st_mode) && ::unlinkat(where, ".git", 0) != 0)
      return fail_errno(errno, "remove a submodule's .git");
    return {};
  });
}

Status set_times(int directory, const struct timespec& time) {
  const std::array<struct timespec, 2> times{time, time};
  RETURN_IF_ERROR(
      visit_below(directory, [&](int where, const std::string& name, const struct stat&) -> Status {
        if (::utimensat(where, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
          return fail_errno(errno, fmt::format("set the time of '{}'", name));
        return {};
      }));
  if (::futimens(directory, times.data()) != 0) return fail_errno(errno, "set the time of a directory");
  return {};
}

// Moves the folder out of the checkout, to be the whole result. No link on the way is followed: the
// repository's author chose the names.
Status take_folder(const std::string& wrapper, const std::string& folder) {
  ASSIGN_OR_RETURN(const UniqueFd root, sys::open_at(AT_FDCWD, wrapper, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd checkout, sys::open_at(root.get(), "checkout", O_RDONLY | O_DIRECTORY));
  const std::size_t slash = folder.find_last_of('/');
  const std::string above = slash == std::string::npos ? "." : folder.substr(0, slash);
  const std::string name = slash == std::string::npos ? folder : folder.substr(slash + 1);
  const auto missing = [&](const Error& error) {
    const bool absent = error.errno_value() == ENOENT;
    return Error(ErrorKind::kDockerfile,
                 fmt::format("the repository has {} \"{}\"",
                             absent ? "no folder" : "something that is no folder, at", folder));
  };
  const Result<UniqueFd> parent = sys::open_beneath(checkout.get(), above, O_RDONLY | O_DIRECTORY);
  if (!parent) return fail(missing(parent.error()));
  const Result<UniqueFd> inside = sys::open_at(parent->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!inside) return fail(missing(inside.error()));
  if (::renameat(parent->get(), name.c_str(), root.get(), "fs") != 0)
    return fail_errno(errno, fmt::format("take the folder '{}' of the repository", folder));
  return {};
}

}  // namespace

Result<GitSource> GitSource::create(plan::GitReference reference, const std::vector<Secret>& secrets,
                                    const std::string& ssh_socket, EventSink& events) {
  ASSIGN_OR_RETURN(GitProgram git, GitProgram::find(reference, secrets, ssh_socket, events));
  return GitSource(std::move(reference), std::move(git));
}

Result<GitCommit> GitSource::resolve() const {
  GitCommit out;
  if (reference_.names_commit()) {
    out.id = reference_.ref;
  } else if (reference_.ref.empty() && plan::is_commit_id(reference_.checksum)) {
    out.id = reference_.checksum;
  } else {
    GitCall call{.args = {"ls-remote", "--symref", "--", reference_.remote}, .git_dir = {}, .work_tree = {}};
    if (reference_.ref.empty())
      call.args.emplace_back("HEAD");
    else
      call.args.insert(call.args.end(), {reference_.ref, reference_.ref + "^{}"});
    ASSIGN_OR_RETURN(const std::string text, git_.run(call));
    out = choose(read_refs(text), reference_.ref);
    if (out.id.empty()) {
      Error error(ErrorKind::kNotFound,
                  fmt::format("repository {} does not contain ref \"{}\"", reference_.remote,
                              reference_.ref.empty() ? "HEAD" : reference_.ref));
      error.add_hint("a ref is the name of a branch or tag, or a commit id with all its digits");
      return fail(std::move(error));
    }
    if (reference_.ref.empty() && !matches(out, reference_.checksum)) {
      ASSIGN_OR_RETURN(
          const std::string all,
          git_.run({.args = {"ls-remote", "--", reference_.remote}, .git_dir = {}, .work_tree = {}}));
      out = choose_by_digits(read_refs(all), reference_.checksum).value_or(out);
    }
  }
  if (!matches(out, reference_.checksum))
    return fail(ErrorKind::kCorrupt, fmt::format("{}: expected checksum to match {}, got {}",
                                                 reference_.remote, reference_.checksum, out.id));
  return out;
}

Status GitSource::fetch_commit(const std::string& git_dir, const GitCommit& commit) const {
  const auto try_fetch = [&](std::vector<std::string> refspecs) -> Status {
    GitCall call{.args = {"fetch", "--quiet", "--depth=1", "--no-tags", "--update-head-ok", "origin"},
                 .git_dir = git_dir,
                 .work_tree = {}};
    call.args.insert(call.args.end(), refspecs.begin(), refspecs.end());
    ASSIGN_OR_RETURN(const std::string said, git_.run_shallow(std::move(call)));
    (void)said;
    const Result<std::string> there =
        git_.run({.args = {"cat-file", "-e", commit.id + "^{commit}"}, .git_dir = git_dir, .work_tree = {}});
    if (!there)
      return fail(ErrorKind::kNotFound,
                  fmt::format("the repository {} no longer has the commit {}", reference_.remote, commit.id));
    return {};
  };
  Status fetched;
  if (!commit.full_name.empty()) {
    fetched = try_fetch({fmt::format("+{}:{}", commit.full_name, commit.full_name)});
    if (fetched) return fetched;
  }
  // By its id: always right, but older servers give only what a ref names, and then everything is fetched.
  fetched = try_fetch({commit.id});
  if (fetched) return fetched;
  const GitCall all{.args = {"fetch", "--quiet", "--update-head-ok", "origin",
                             "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"},
                    .git_dir = git_dir,
                    .work_tree = {}};
  if (const Result<std::string> whole = git_.run(all); !whole) return fail(Error(whole.error()));
  const Result<std::string> there =
      git_.run({.args = {"cat-file", "-e", commit.id + "^{commit}"}, .git_dir = git_dir, .work_tree = {}});
  if (there) return {};
  return fail(std::move(fetched.error()));
}

// What is left in a .git that is kept: enough to go on working with it, nothing of how it came here.
Status GitSource::keep(const std::string& git_dir, const std::string& work_tree) const {
  const Result<std::string> done =
      git_.run({.args = {"config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"},
                .git_dir = git_dir,
                .work_tree = work_tree});
  if (!done) return fail(Error(done.error()));
  for (const char* name : {"FETCH_HEAD", "ORIG_HEAD"})
    if (::unlink(fmt::format("{}/{}", git_dir, name).c_str()) != 0 && errno != ENOENT)
      return fail_errno(errno, fmt::format("remove '{}/{}'", git_dir, name));
  return {};
}

Result<GitFiles> GitSource::fetch(const GitCommit& commit, bool keep_git_dir, const store::Store& store,
                                  store::BuildLease& lease) const {
  GitFiles out;
  ASSIGN_OR_RETURN(out.directory, lease.new_directory());
  const std::string wrapper = fmt::format("{}/{}", store.root(), out.directory.wrapper);
  const bool whole = reference_.subdir.empty();
  const bool keeps = keep_git_dir && whole;
  const std::string work_tree = fmt::format("{}/{}", wrapper, whole ? "fs" : "checkout");
  const std::string git_dir = keeps ? work_tree + "/.git" : wrapper + "/git";
  RETURN_IF_ERROR(sys::make_dir(AT_FDCWD, work_tree, 0755));
  const auto git = [&](std::vector<std::string> args) -> Result<std::string> {
    return git_.run_shallow({.args = std::move(args), .git_dir = git_dir, .work_tree = work_tree});
  };
  ASSIGN_OR_RETURN(std::string said,
                   git({"init", "--quiet", "--initial-branch=master",
                        commit.id.size() == 64 ? "--object-format=sha256" : "--object-format=sha1"}));
  ASSIGN_OR_RETURN(said, git({"config", "remote.origin.url", reference_.remote}));
  RETURN_IF_ERROR(fetch_commit(git_dir, commit));
  const GitProgram plain = git_.without_filters(git_dir);
  ASSIGN_OR_RETURN(said, plain.run({.args = {"checkout", "--quiet", "--detach", "--force", commit.id},
                                    .git_dir = git_dir,
                                    .work_tree = work_tree}));
  if (reference_.submodules) {
    ASSIGN_OR_RETURN(
        said,
        plain.run_shallow({.args = {"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"},
                           .git_dir = git_dir,
                           .work_tree = work_tree}));
  }
  ASSIGN_OR_RETURN(said, git({"show", "--no-patch", "--format=%ct", commit.id}));
  (void)std::from_chars(said.data(), said.data() + said.size(), out.commit_time);
  if (keeps) RETURN_IF_ERROR(keep(git_dir, work_tree));
  if (!whole) {
    RETURN_IF_ERROR(take_folder(wrapper, reference_.subdir));
  }
  ASSIGN_OR_RETURN(out.directory.fs, sys::open_at(AT_FDCWD, wrapper + "/fs", O_RDONLY | O_DIRECTORY));
  if (!keeps) RETURN_IF_ERROR(remove_git_files(out.directory.fs.get()));
  if (reference_.commit_times)
    RETURN_IF_ERROR(set_times(out.directory.fs.get(), {.tv_sec = out.commit_time, .tv_nsec = 0}));
  // What stays beside fs would be published with it.
  if (!keeps) RETURN_IF_ERROR(sys::remove_tree(AT_FDCWD, git_dir));
  if (!whole) RETURN_IF_ERROR(sys::remove_tree(AT_FDCWD, work_tree));
  return out;
}

}  // namespace shale::remote
