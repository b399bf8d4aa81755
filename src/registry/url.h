// SPDX-License-Identifier: Apache-2.0
// Url: an http or https address in parts, so that the decision who gets a credential is made on what is
// really asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::registry {

// Parsed strictly: what this type holds is given to the HTTP library re-assembled, so both see the same host.
struct Url {
  std::string scheme;    // "http" or "https"
  std::string userinfo;  // "user:password" or empty; never part of to_string()
  std::string host;      // lower case; an IPv6 address with its brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, begins with "/"; without fragment

  // Errors name the rule and show the address redacted.
  static Result<Url> parse(std::string_view text);
  // What a Location header means on this page: absolute, "//host/…", "/path" or a relative path.
  [[nodiscard]] Result<Url> resolve(std::string_view location) const;

  [[nodiscard]] bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
  // "host" or "host:port", the port only when it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string to_string() const;
  // Adds "name=value", percent-encoded.
  void add_query(std::string_view name, std::string_view value);
};

// For messages: without user, password, query and fragment ("https://cdn.example/blobs/x?…"), as signatures
// and tokens are in these. Text that is no address gives "(an address)".
std::string redacted_url(std::string_view text);
std::string redacted_url(const Url& url);

// Everything but letters, digits and "-._~" becomes %XX.
std::string percent_encode(std::string_view text);
// False when a % is not followed by two hexadecimal digits.
bool percent_decode(std::string_view text, std::string& out);

}  // namespace shale::registry
