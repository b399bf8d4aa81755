// SPDX-License-Identifier: Apache-2.0
// What every test of the sandbox needs: a busybox root on an overlay, a launcher, the command's output. The
// tests run inside a build namespace (ns_main.cc), so nothing they mount reaches the machine.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/launcher.h"

namespace shale::test {

// Where a sandbox's traces would be found afterwards.
struct RootDirs {
  std::string lower;
  std::string upper;
  std::string work;
};

struct RunResult {
  runtime::SandboxOutcome outcome;
  std::string out;  // standard output and error, as they came
};

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A spec that runs `script` in busybox's sh, as root, on a fresh overlay.
  runtime::SandboxSpec shell(const std::string& script);
  runtime::SandboxSpec command(std::vector<std::string> args);
  // Runs it to its end. A sandbox that cannot be started fails the test.
  RunResult run(runtime::SandboxSpec spec);
  // "key: value" lines of an output.
  static std::map<std::string, std::string> fields(const std::string& text);

  // This process's: sandboxes are children of the one that made their launcher.
  static runtime::Launcher& launcher();
  RootDirs dirs_;

 private:
  UniqueFd root_;
  std::string mounts_before_;
  std::string fds_before_;
};

// What a monitor does that this program forks in place of shale-runtime: says that the command ended well,
// and dies.
int die_as_monitor();

// Makes the busybox tree; called once, inside the namespace, before the tests. `scratch` is a directory of
// it.
Status prepare_scratch(const std::string& scratch);

}  // namespace shale::test
