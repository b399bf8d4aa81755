// SPDX-License-Identifier: Apache-2.0
// The errors of a sandbox that could not be set up: what each step attempted, and the remedy for what is
// known to go wrong.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "runtime/namespace_error.h"
#include "runtime/wire.h"

namespace shale::runtime {

namespace {

// What the step does, to be read before ": <errno text>".
std::string attempted(SetupStep step, const std::string& operand) {
  switch (step) {
    case SetupStep::kReadSpec:
      return "read the sandbox's specification";
    case SetupStep::kOomScore:
      return "raise the sandbox's out-of-memory score";
    case SetupStep::kDevice:
      return fmt::format("take the host's device '{}' into the sandbox", operand);
    case SetupStep::kBindSource:
      return fmt::format("take what is to be mounted on '{}'", operand);
    case SetupStep::kJoinNetwork:
      return "join the build's network namespace";
    case SetupStep::kNamespaces:
      return "create the sandbox's namespaces";
    case SetupStep::kCgroup:
      return fmt::format("put the sandbox into its cgroup ({})", operand);
    case SetupStep::kWriteMaps:
      return fmt::format("give the sandbox its ids ({})", operand);
    case SetupStep::kDeathSignal:
      return "tie the sandbox's life to the build's";
    case SetupStep::kPrivateMounts:
      return "make the sandbox's mounts private";
    case SetupStep::kFiles:
      return fmt::format("write the file for '{}'", operand);
    case SetupStep::kAttachRoot:
      return "mount the root file system of the sandbox";
    case SetupStep::kProc:
      return "mount /proc in the sandbox";
    case SetupStep::kDev:
      return fmt::format("set up '{}' in the sandbox", operand);
    case SetupStep::kSys:
      return "mount /sys in the sandbox";
    case SetupStep::kMountTarget:
      return fmt::format("find the mount point '{}' in the image", operand);
    case SetupStep::kMount:
      return fmt::format("mount on '{}' in the sandbox", operand);
    case SetupStep::kMaskPath:
      return fmt::format("hide '{}' from the sandbox", operand);
    case SetupStep::kReadOnlyPath:
      return fmt::format("make '{}' read-only in the sandbox", operand);
    case SetupStep::kUnmount:
      return fmt::format("take '{}' out of the sandbox again", operand);
    case SetupStep::kPivot:
      return "change into the root file system of the sandbox";
    case SetupStep::kHostname:
      return fmt::format("set the host name '{}' in the sandbox", operand);
    case SetupStep::kLoopback:
      return "bring up the loopback interface in the sandbox";
    case SetupStep::kKeyring:
      return "give the sandbox a keyring of its own";
    case SetupStep::kFork:
      return "start the command's process";
    case SetupStep::kSession:
      return "start the command's session";
    case SetupStep::kStandardStreams:
      return "connect the command's output";
    case SetupStep::kLimit:
      return fmt::format("set resource limit {}", operand);
    case SetupStep::kWorkingDirectory:
      return fmt::format("change to the working directory '{}'", operand);
    case SetupStep::kLandlock:
      return "keep the host's abstract sockets out of reach";
    case SetupStep::kSeccomp:
      return "load the seccomp filter";
    case SetupStep::kEmulation:
      return fmt::format("start root emulation ({})", operand);
    case SetupStep::kCapabilities:
      return fmt::format("drop the capabilities of {}", operand);
    case SetupStep::kGroups:
      return "set the supplementary groups";
    case SetupStep::kGid:
      return fmt::format("become group {}", operand);
    case SetupStep::kUid:
      return fmt::format("become user {}", operand);
    case SetupStep::kCloseFds:
      return "close the descriptors of the builder";
    case SetupStep::kExec:
      break;  // exec_error() words these
  }
  return fmt::format("set up the sandbox (step {})", static_cast<unsigned>(step));
}

void add_hints(Error& error, SetupStep step, int errno_value) {
  switch (step) {
    case SetupStep::kProc:
      if (errno_value == EPERM)
        error.add_hint(
            "a container whose /proc is partly hidden forbids a fresh one: run it with --security-opt "
            "systempaths=unconfined (docker, podman) or procMount: Unmasked (Kubernetes)");
      [[fallthrough]];
    case SetupStep::kDev:
    case SetupStep::kSys:
      if (errno_value == ELOOP || errno_value == ENOTDIR)
        error.add_hint("in the image it is a link or a file; it has to be a real directory");
      break;
    case SetupStep::kMountTarget:
      if (errno_value == ELOOP)
        error.add_hint(
            "a link in the image leads to the root, into /proc, or in a circle; nothing is mounted "
            "there");
      break;
    case SetupStep::kDevice:
      if (errno_value == ENOENT || errno_value == ENODEV || errno_value == ENXIO)
        error.add_hint(
            "it is missing here, or something else has its name: as root, mknod -m 666 /dev/null c 1 3 (zero "
            "is "
            "c 1 5, full c 1 7, random c 1 8, urandom c 1 9)");
      if (errno_value == EPERM || errno_value == EACCES)
        error.add_hint(
            "isolation chroot makes its own devices: the container needs the capability MKNOD, and the store "
            "a "
            "file system that is not mounted with nodev (--root)");
      break;
    case SetupStep::kUnmount:
      if (errno_value == EBUSY)
        error.add_hint(
            "the command has moved it or made a hard link to it, which with isolation chroot would leave it "
            "in "
            "the image");
      break;
    case SetupStep::kWorkingDirectory:
      if (errno_value == EXDEV || errno_value == ELOOP) error.add_hint("it leads out of the image");
      break;
    case SetupStep::kSeccomp:
      if (errno_value == EACCES)
        error.add_hint(
            "isolation chroot here lacks the capability SYS_ADMIN, without which a filter needs "
            "--security-opt "
            "no-new-privileges (and sudo and su then do not work)");
      break;
    case SetupStep::kGroups:
    case SetupStep::kGid:
    case SetupStep::kUid:
      if (errno_value == EINVAL || errno_value == EPERM)
        error.add_hint("the id is not among those this build may use: see /etc/subuid and /etc/subgid");
      break;
    default:
      break;
  }
}

// A command that cannot be run is the Dockerfile's mistake, with the status a shell gives it.
Error exec_error(const StatusRecord& record, const std::string& program) {
  const std::string operand = record.operand;
  const bool by_path = program.find('/') != std::string::npos;
  std::string message;
  std::string hint;
  int status = 126;
  switch (record.errno_value) {
    case ENOENT:
      status = 127;
      if (by_path)
        message = fmt::format("exec: \"{}\": no such file or directory", program);
      else
        message = fmt::format("exec: \"{}\": executable file not found in $PATH", program);
      if (program == "/bin/sh")
        hint = "the image has no shell: use the exec form, RUN [\"program\", \"argument\"]";
      else if (program.find(' ') != std::string::npos)
        hint = "in the exec form each argument is a string of its own: [\"program\", \"argument\"]";
      break;
    case ELIBACC:  // ours: it exists, but what it names as its interpreter does not
      status = 127;
      message = fmt::format("exec: \"{}\": its interpreter is missing", operand);
      hint = "the program that its #! line or its ELF header names (ld-linux, ld-musl) is not in the image";
      break;
    case ENOEXEC:
      message = fmt::format("exec: \"{}\": exec format error", operand);
      hint = "it is for another architecture, or a script without a #! line";
      break;
    case EACCES:
      message = fmt::format("exec: \"{}\": permission denied", program);
      hint = "it is not executable for this user (chmod +x), or it is a directory";
      break;
    default:
      message = fmt::format("exec: \"{}\": {}", operand, std::strerror(record.errno_value));
  }
  Error error(ErrorKind::kStepFailed, std::move(message));
  error.set_step_status(status);
  if (!hint.empty()) error.add_hint(std::move(hint));
  return error;
}

}  // namespace

Error setup_error(const StatusRecord& record, const std::string& program) {
  if (record.step == SetupStep::kExec) return exec_error(record, program);
  if (record.step == SetupStep::kNamespaces)
    return namespace_error(record.errno_value, attempted(record.step, record.operand));
  Error error = Error::system(record.errno_value, attempted(record.step, record.operand));
  add_hints(error, record.step, record.errno_value);
  return error;
}

}  // namespace shale::runtime
