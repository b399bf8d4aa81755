// SPDX-License-Identifier: Apache-2.0
// Mirrors: other registries that are asked first for what a registry holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/reference.h"

namespace shale::registry {

// One registry stands for another: what is "docker.io/library/x" there is "<host>/<prefix>library/x" here.
struct Mirror {
  std::string registry;  // what is mirrored: "docker.io"
  std::string host;      // "127.0.0.1:5000"
  std::string prefix;    // "" or "cache/hub/"
  bool operator==(const Mirror&) const = default;
};

// The value of SHALE_REGISTRY_MIRRORS: "docker.io=127.0.0.1:5000,quay.io=cache.example/quay": items divided
// by commas, each registry=host[:port][/prefix]. A registry may occur more than once; its mirrors are asked
// in that order, then the registry itself. A mirror on loopback may speak plain HTTP. Pulls only; a push goes
// where it is told.
Result<std::vector<Mirror>> parse_mirrors(std::string_view text);

// Where a repository is looked for, best first; the last is always the registry itself.
struct Place {
  std::string host;        // to connect to; docker.io's is registry-1.docker.io
  std::string repository;  // as that host knows it
  std::string name;        // for people: "docker.io", or "mirror 127.0.0.1:5000"
  bool is_mirror = false;
};
std::vector<Place> places_of(const image::ImageRef& reference, const std::vector<Mirror>& mirrors);

}  // namespace shale::registry
