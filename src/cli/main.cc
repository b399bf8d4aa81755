// SPDX-License-Identifier: Apache-2.0
// The program `shale`.
#include "cli/commands.h"

int main(int argc, char** argv) { return shale::cli::run_program(argc, argv); }
