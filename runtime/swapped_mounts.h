// SPDX-License-Identifier: Apache-2.0
// SwappedMounts: what takes the place of mounts where there are none: directories and files that are moved
// into the tree before the command and out of it afterwards. Part of shale-runtime.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

class SwappedMounts {
 public:
  // `root` and `scratch` (empty, on the same file system) are descriptors that outlive this.
  SwappedMounts(int root, int scratch) : root_(root), scratch_(scratch) {}

  // A /dev of its own: the devices by mknod(2), usable, and the links that programs expect. Returns its null,
  // open for reading and writing.
  int swap_in_dev();
  // One mount of the spec; in the spec's order.
  void swap_in(const SandboxMount& mount);
  // Everything back where it was, the last first. The command and all its processes have ended.
  void swap_out();

 private:
  struct Swap {
    std::string target;  // for messages
    int parent = -1;     // directory of the target
    std::string name;    // its name there
    std::string aside;   // name of what was there, in scratch_
    int object = -1;     // O_PATH of what is there instead
    bool is_file = false;
    // Where it goes back to; -1 = it goes away.
    int home = -1;
    std::string home_name;
  };
  // The place of `target`, with what is there moved aside.
  Swap make_room(const std::string& target, bool links);
  void put(Swap swap, int from, const char* name);
  void undo(const Swap& swap);
  std::string new_name(const char* what) { return std::string(what) + "-" + std::to_string(counter_++); }

  int root_;
  int scratch_;
  int counter_ = 0;
  std::vector<Swap> swaps_;
};

}  // namespace shale::runtime
