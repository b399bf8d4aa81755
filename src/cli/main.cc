// SPDX-License-Identifier: Apache-2.0
// The program `shale`.
#include <sys/resource.h>

#include "cli/commands.h"

int main(int argc, char** argv) {
  // A core file would hold the secrets and logins that a build is given. Only the soft limit: what a command
  // may leave is for --ulimit to say.
  struct rlimit core;
  if (::getrlimit(RLIMIT_CORE, &core) == 0) {
    core.rlim_cur = 0;
    (void)::setrlimit(RLIMIT_CORE, &core);
  }
  return shale::cli::run_program(argc, argv);
}
