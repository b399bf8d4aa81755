// SPDX-License-Identifier: Apache-2.0
#include "support/overlay.h"

#include <sys/mount.h>

#include <cerrno>

namespace shale::test {

Result<UniqueFd> mount_overlay(const std::string& lower, const std::string& upper, const std::string& work) {
  const UniqueFd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return fail_errno(errno, "open an overlay context");
  const auto set = [&](unsigned command, const char* key, const char* value) {
    return ::fsconfig(context.get(), command, key, value, 0) == 0;
  };
  if (!set(FSCONFIG_SET_STRING, "lowerdir", lower.c_str()) ||
      !set(FSCONFIG_SET_STRING, "upperdir", upper.c_str()) ||
      !set(FSCONFIG_SET_STRING, "workdir", work.c_str()) || !set(FSCONFIG_SET_FLAG, "userxattr", nullptr) ||
      !set(FSCONFIG_SET_FLAG, "volatile", nullptr) || !set(FSCONFIG_CMD_CREATE, nullptr, nullptr))
    return fail_errno(errno, "configure an overlay");
  UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) return fail_errno(errno, "mount an overlay");
  return mount;
}

}  // namespace shale::test
