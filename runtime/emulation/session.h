// SPDX-License-Identifier: Apache-2.0
// Session: what the supervisor knows of one sandbox, and what it can answer a caller.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/emulation/caller.h"
#include "runtime/emulation/credentials.h"
#include "runtime/emulation/owners.h"

namespace shale::runtime {

// What becomes of the call.
struct Answer {
  enum class Kind : std::uint8_t {
    kContinue,  // the kernel does it, as if nobody had been asked
    kReturn,    // it returns `value`, or fails with `error`
    kSent,      // the caller has been answered already
  };
  Kind kind = Kind::kContinue;
  std::int64_t value = 0;
  int error = 0;  // a positive errno

  static Answer let_kernel() { return {}; }
  static Answer of(std::int64_t value) { return {Kind::kReturn, value, 0}; }
  static Answer failure(int error) { return {Kind::kReturn, 0, error}; }
  static Answer sent() { return {Kind::kSent, 0, 0}; }
};

class Session {
 public:
  Session(SupervisorFds descriptors, Credentials initial, std::string_view journal, std::uint64_t slack)
      : fds(std::move(descriptors)), table(std::move(initial)), owners(journal), base_slack_(slack) {}

  SupervisorFds fds;
  CredentialTable table;
  Owners owners;

  // Makes the caller's root ours: the first caller's is the sandbox's. False if the caller is gone.
  bool enter_root(const Caller& caller);
  // From now on callers may have roots of their own.
  void expect_other_roots() { other_roots_ = true; }
  // The owners in the sandbox's root that no attribute holds, when all callers are gone.
  std::string journal();

  [[nodiscard]] const Credentials& credentials(const Caller& caller) const;
  [[nodiscard]] const Credentials& credentials_of_slack(std::uint64_t slack) const;
  // Whether the caller has a capability (CAP_…). Those kept by one who ceased to be root are the kernel's to
  // tell: for it the caller is root still, so that they are what the caller itself has made of them.
  [[nodiscard]] bool capable(const Caller& caller, const Credentials& credentials, int capability) const;
  // Whether every process is root.
  [[nodiscard]] bool all_root() const { return table.only_initial() && table.at(0).user.effective == 0; }
  // Whether the sandbox's command is a user's, who is to be refused whatever docker would refuse.
  [[nodiscard]] bool started_as_user() const { return table.at(0).user.effective != 0; }
  // Whose the file of an O_PATH descriptor is. The directory of a process in /proc is the process's.
  OwnerRecord owner(int fd);
  // An answer of 0, or why not.
  Answer become(const Caller& caller, Credentials next);

  // What the caller means by a path: an O_PATH descriptor, or an empty one with errno set. Names are resolved
  // in the caller's root and with its directories; /proc/self and /dev/fd are the caller's; no other link of
  // /proc is followed, because it would be followed with our rights.
  OwnedFd open(const Caller& caller, int directory, std::string_view path, bool follow);

  // The same name for a call of ours, and whether what it leads to surely has no record: one look-up, which
  // may go through any link of /proc, because nothing but this one bit comes of it.
  [[nodiscard]] std::string name_for_us(const Caller& caller, int directory, std::string_view path) const;
  [[nodiscard]] bool surely_roots(const Caller& caller, int directory, std::string_view path,
                                  bool follow) const;
  // Type and mode of what a path leads to, by one look-up: 0 where nothing is, nothing where it takes more
  // care.
  [[nodiscard]] std::optional<mode_t> quick_mode(const Caller& caller, int directory, std::string_view path,
                                                 bool follow) const;
  [[nodiscard]] bool other_roots() const { return other_roots_; }

  // The directory in which the last name of a path is, and that name. Empty with errno set for paths that end
  // in no name ("/", "..").
  struct Place {
    OwnedFd directory;
    std::string name;
    explicit operator bool() const { return static_cast<bool>(directory); }
  };
  Place open_place(const Caller& caller, int directory, std::string_view path);

 private:
  bool enter(int root);
  OwnedFd open_own_link(const Caller& caller, std::string_view path, bool follow, bool& is_one);

  OwnedFd root_;  // the sandbox's
  bool other_roots_ = false;
  std::uint64_t base_slack_;
  mutable TimerSlacks slacks_;  // files that are open already; what they say is the kernel's
};

// The calls, by what they are about.
Answer answer_stat(Session& session, const Caller& caller);
Answer answer_chown(Session& session, const Caller& caller);
Answer answer_open(Session& session, const Caller& caller);
Answer answer_new_name(Session& session, const Caller& caller);
Answer answer_changed_name(Session& session, const Caller& caller);
Answer answer_access(Session& session, const Caller& caller);
Answer answer_chmod(Session& session, const Caller& caller);
Answer answer_times(Session& session, const Caller& caller);
Answer answer_truncate(Session& session, const Caller& caller);
Answer answer_xattr(Session& session, const Caller& caller);
Answer answer_identity(Session& session, const Caller& caller);
Answer answer_exec(Session& session, const Caller& caller);
Answer answer_chroot(Session& session, const Caller& caller);
Answer answer_prctl(Session& session, const Caller& caller);
Answer answer_peer(Session& session, const Caller& caller);

// Whether a file is of a /proc, whose links lead anywhere.
bool in_proc(int fd);

// Whether a file is of a file system whose owners are not of the image, or to be changed on a mount that
// nothing can be changed on, which comes before whether somebody may.
bool decided_by_kernel(int fd, const struct stat& info, bool changes);

// Whether these credentials may use the file of an O_PATH descriptor so. The kernel's own files, and those
// with access control lists, are left to the kernel, which says yes to what root owns.
bool permitted(Session& session, const Credentials& credentials, int fd, int wanted);

}  // namespace shale::runtime
