// SPDX-License-Identifier: Apache-2.0
// ImageRef: the name of an image as docker's users write it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shale/digest.h"

namespace shale::image {

// "alpine" is docker.io/library/alpine:latest. Parsed by the grammar of distribution/reference: lower-case
// repository components, at most 255 bytes of name, tags of at most 128.
struct ImageRef {
  std::string registry;    // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/alpine"
  std::string tag;         // "latest" when neither tag nor digest was written; empty when only a digest was
  std::optional<Digest> digest;

  static Result<ImageRef> parse(std::string_view text);

  // The full name: "docker.io/library/alpine:latest", "…@sha256:…" (with a digest the tag is left out: it
  // does not decide). This is the key under which the store keeps it.
  [[nodiscard]] std::string full() const;
  // As docker shows it: without docker.io/ and library/.
  [[nodiscard]] std::string familiar() const;
  // registry/repository in familiar form, without tag.
  [[nodiscard]] std::string familiar_repository() const;
  // What stands in a manifest URL: the digest if there is one, else the tag.
  [[nodiscard]] std::string manifest_reference() const;
  // localhost, 127.0.0.0/8 and ::1: plain HTTP is tried without a flag.
  [[nodiscard]] bool registry_is_loopback() const;

  bool operator==(const ImageRef&) const = default;
};

// The grammar of a tag, of a repository ("library/alpine"), and of a registry ("host[:port]"), for names that
// come alone. The error says which rule is broken.
Status check_tag(std::string_view tag);
Status check_repository(std::string_view repository);
Status check_registry(std::string_view registry);

// Whether "host[:port]" is localhost, in 127.0.0.0/8, or ::1. A name that merely begins like one is not.
bool is_loopback_host(std::string_view host_and_port);

}  // namespace shale::image
