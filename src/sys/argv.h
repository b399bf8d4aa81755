// SPDX-License-Identifier: Apache-2.0
// Lists of strings in the form in which exec takes them. Only a header, so that the statically linked sandbox
// program, which links no room, can use it.
#pragma once

#include <string>
#include <vector>

namespace shale::sys {

// A pointer to each of `strings`, then the null that ends the list. They point into `strings`, which has to
// stay as it is; exec declares them writable and writes to none.
inline std::vector<char*> exec_list(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace shale::sys
