// SPDX-License-Identifier: Apache-2.0
// Extended attributes: those of the emulation are not there for the sandbox.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

constexpr std::size_t kNameMax = 256;    // XATTR_NAME_MAX and its NUL
constexpr std::size_t kListMax = 65536;  // XATTR_LIST_MAX

// The file of a call's first argument.
OwnedFd file_of(Session& session, const Caller& caller, bool by_descriptor, bool follow) {
  if (by_descriptor) return caller.descriptor(caller.int_argument(0));
  std::string path;
  if (caller.read_string(caller.argument(0), kPathMax, path) != 0) return {};
  return session.open(caller, AT_FDCWD, path, follow);
}

Answer list(Session& session, const Caller& caller, bool by_descriptor, bool follow) {
  const OwnedFd fd = file_of(session, caller, by_descriptor, follow);
  if (!fd) return Answer::let_kernel();
  std::string names(kListMax, '\0');
  const ssize_t size = ::listxattr(own_name(fd.get()).c_str(), names.data(), names.size());
  if (size <= 0) return Answer::let_kernel();
  names.resize(static_cast<std::size_t>(size));
  std::string shown;
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find('\0', at), names.size() - 1) + 1;
    const std::string_view name(names.data() + at, end - at);
    if (!name.starts_with(kPrivateXattrPrefix)) shown += name;
    at = end;
  }
  if (shown.size() == names.size()) return Answer::let_kernel();
  const std::uint64_t room = caller.argument(2);
  if (room != 0) {
    if (room < shown.size()) return Answer::failure(ERANGE);
    if (!caller.valid()) return Answer::failure(ESRCH);
    if (!shown.empty() && !caller.write(caller.argument(1), shown.data(), shown.size()))
      return Answer::failure(EFAULT);
  }
  return Answer::of(static_cast<std::int64_t>(shown.size()));
}

// The attribute that a call names; none if it cannot be read.
std::string attribute_of(const Caller& caller) {
  std::string name;
  return caller.read_string(caller.argument(1), kNameMax, name) == 0 ? name : std::string();
}

// Where something is to be changed, a name of ours gives `error`. Users change what they may write, and
// access control lists where the file is theirs.
Answer change(Session& session, const Caller& caller, int error, bool by_descriptor, bool follow) {
  const std::string name = attribute_of(caller);
  if (name.empty()) return Answer::let_kernel();
  if (name.starts_with(kPrivateXattrPrefix)) return Answer::failure(error);
  const Credentials& own = session.credentials(caller);
  if (own.user.filesystem == 0) return Answer::let_kernel();
  if (name.starts_with("security."))
    return session.capable(caller, own, CAP_SETFCAP) ? Answer::let_kernel() : Answer::failure(EPERM);
  const OwnedFd fd = file_of(session, caller, by_descriptor, follow);
  if (!fd) return Answer::let_kernel();
  if (name.starts_with("system.") && session.owners.read(fd.get()).uid != own.user.filesystem)
    return session.capable(caller, own, CAP_FOWNER) ? Answer::let_kernel() : Answer::failure(EPERM);
  return permitted(session, own, fd.get(), W_OK) ? Answer::let_kernel() : Answer::failure(EACCES);
}

}  // namespace

Answer answer_xattr(Session& session, const Caller& caller) {
  switch (caller.row().call) {
    case Call::kListxattr:
      return list(session, caller, false, true);
    case Call::kLlistxattr:
      return list(session, caller, false, false);
    case Call::kFlistxattr:
      return list(session, caller, true, true);
    case Call::kSetxattr:
      return change(session, caller, EPERM, false, true);
    case Call::kLsetxattr:
      return change(session, caller, EPERM, false, false);
    case Call::kFsetxattr:
      return change(session, caller, EPERM, true, true);
    case Call::kRemovexattr:
      return change(session, caller, ENODATA, false, true);
    case Call::kLremovexattr:
      return change(session, caller, ENODATA, false, false);
    case Call::kFremovexattr:
      return change(session, caller, ENODATA, true, true);
    default:
      return attribute_of(caller).starts_with(kPrivateXattrPrefix) ? Answer::failure(ENODATA)
                                                                   : Answer::let_kernel();
  }
}

}  // namespace shale::runtime
