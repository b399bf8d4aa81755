// SPDX-License-Identifier: Apache-2.0
// Starts a helper program with the libraries, the C library and the loader that lie beside it in lib/, so
// that it runs where there are others or none. Statically linked; what it is called decides what it starts.
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  std::string self(PATH_MAX, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  if (size < 0) {
    std::fprintf(stderr, "shale: read the link '/proc/self/exe': %s\n", std::strerror(errno));
    return 127;
  }
  self.resize(static_cast<std::size_t>(size));
  const std::size_t slash = self.find_last_of('/');
  std::string libraries = self.substr(0, slash) + "/lib";
  std::string program = libraries + self.substr(slash);
  std::string loader = libraries + "/loader";
  // The host's cache lists libraries of another C library. The path is an argument and not LD_LIBRARY_PATH,
  // which credential helpers would inherit.
  std::string no_cache = "--inhibit-cache";
  std::string path = "--library-path";
  std::vector<char*> args = {loader.data(), no_cache.data(), path.data(), libraries.data(), program.data()};
  for (int i = 1; i < argc; ++i) args.push_back(argv[i]);
  args.push_back(nullptr);
  ::execv(loader.c_str(), args.data());
  std::fprintf(stderr, "shale: run '%s': %s\n", loader.c_str(), std::strerror(errno));
  return 127;
}
