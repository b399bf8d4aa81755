// SPDX-License-Identifier: Apache-2.0
// The commands: each takes its command line, calls the library, and prints the result.
#pragma once

#include "cli/command_line.h"
#include "shale/error.h"

namespace shale::cli {

// The exit code of the command, which is not 0 when --check finds something.
Result<int> build_command(const CommandLine& line);

// Results go to standard output, everything else to standard error. The error of a command is returned, not
// printed.
Status images_command(const CommandLine& line);
Status inspect_command(const CommandLine& line);
Status history_command(const CommandLine& line);
Status rmi_command(const CommandLine& line);
Status tag_command(const CommandLine& line);
Status prune_command(const CommandLine& line);
Status login_command(const CommandLine& line);
Status logout_command(const CommandLine& line);
Status pull_command(const CommandLine& line);
Status push_command(const CommandLine& line);
Status load_command(const CommandLine& line);
Status save_command(const CommandLine& line);
Status import_command(const CommandLine& line);
Status doctor_command(const CommandLine& line);
Status info_command(const CommandLine& line);

// Parses argv, runs the command, prints its error. Returns the exit code.
int run_program(int argc, const char* const* argv);

}  // namespace shale::cli
