// SPDX-License-Identifier: Apache-2.0
// What the launcher and the program shale-runtime say to each other: the spec one way, status records the
// other. Both come from the same build, so there is one version. Needs nothing but the standard library.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// The runtime program's end of the socket on which the launcher asks for monitors (monitor_server.h).
inline constexpr int kRequestFd = 3;

// Descriptors of a monitor, in the order of a request's.
inline constexpr int kSpecFd = 3;
inline constexpr int kStatusFd = 4;
inline constexpr int kFirstSpecFd = 5;  // the spec's own descriptors follow, in the order of EncodedSpec::fds

struct EncodedSpec {
  std::string bytes;
  std::vector<int> fds;  // the caller's; fds[i] is to become kFirstSpecFd + i
};
EncodedSpec encode(const SandboxSpec& spec);
// Nothing when the bytes are not exactly one spec.
std::optional<SandboxSpec> decode(std::string_view bytes);

// The steps of a sandbox's set-up that can fail. The text of each is in setup_error.cc.
enum class SetupStep : std::uint32_t {
  kReadSpec,
  kOomScore,
  kDevice,
  kBindSource,
  kJoinNetwork,
  kNamespaces,
  kCgroup,
  kWriteMaps,
  kDeathSignal,
  kPrivateMounts,
  kFiles,
  kAttachRoot,
  kProc,
  kDev,
  kSys,
  kMountTarget,
  kMount,
  kMaskPath,
  kReadOnlyPath,
  kUnmount,
  kPivot,
  kHostname,
  kLoopback,
  kKeyring,
  kFork,
  kSession,
  kStandardStreams,
  kLimit,
  kWorkingDirectory,
  kLandlock,
  kSeccomp,
  kEmulation,
  kCapabilities,
  kGroups,
  kGid,
  kUid,
  kCloseFds,
  kExec,
};

// One write(2) of at most PIPE_BUF bytes on kStatusFd, so that records of pid 1 and pid 2 never mix.
struct StatusRecord {
  enum class Kind : std::uint32_t { kSetupFailed = 1, kEnded = 2 };
  Kind kind = Kind::kEnded;
  SetupStep step = SetupStep::kReadSpec;  // kSetupFailed
  std::int32_t errno_value = 0;           // kSetupFailed
  std::int32_t wait_status = 0;           // kEnded: as of wait(2)
  struct rusage usage{};                  // kEnded
  char operand[512] = {};                 // kSetupFailed: a path, a name, a number; cut to fit
};

// The error of a failed set-up, with what to do about it. Not linked into shale-runtime.
Error setup_error(const StatusRecord& record, const std::string& program);

}  // namespace shale::runtime
