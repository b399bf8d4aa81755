// SPDX-License-Identifier: Apache-2.0
// The grammar is that of distribution/reference; each broken rule is named.
#include "image/reference.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace shale::image {

namespace {

constexpr std::size_t kMaxNameBytes = 255;  // distribution/reference: NameTotalLengthMax
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kOfficialPrefix = "library/";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }

std::unexpected<Error> bad(std::string message) { return shale::fail(ErrorKind::kUsage, std::move(message)); }

// Bytes that would garble a terminal are shown as '?'; a name of any length stays readable.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 300));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (text.size() > 300) out += "…";
  return out;
}

// One component: [a-z0-9]+ ((. | _ | __ | -+) [a-z0-9]+)*
Status check_component(std::string_view part) {
  if (part.empty()) return bad("a path component is empty");
  std::size_t i = 0;
  const auto word = [&] {
    const std::size_t start = i;
    while (i < part.size() && (is_lower(part[i]) || is_digit(part[i]))) ++i;
    return i > start;
  };
  while (true) {
    if (!word()) {
      if (i < part.size() && is_upper(part[i])) return bad("repository names are lower case");
      const bool separator = i < part.size() && (part[i] == '.' || part[i] == '_' || part[i] == '-');
      if (separator || i == part.size())
        return bad(
            fmt::format("the component '{}' must begin and end with a letter or digit, with at most one '.', "
                        "one or two '_', or any number of '-' in between",
                        shown(part)));
      return bad(
          fmt::format("the character '{}' is not allowed in a repository name", shown(part.substr(i, 1))));
    }
    if (i == part.size()) return {};
    if (part[i] == '.') {
      ++i;
    } else if (part[i] == '_') {
      i += part.substr(i).starts_with("__") ? 2 : 1;
    } else if (part[i] == '-') {
      while (i < part.size() && part[i] == '-') ++i;
    }  // anything else is reported by the next round
  }
}

bool is_host_name(std::string_view host) {
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4) return false;
    const std::string address(host.substr(1, host.size() - 2));
    in6_addr parsed{};
    return ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
  }
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    const bool ends_well = !part.empty() && is_alnum(part.front()) && is_alnum(part.back());
    if (!ends_well || !std::ranges::all_of(part, [](char c) { return is_alnum(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// Splits "host[:port]"; `port` is empty when there is none.
struct HostPort {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
};
HostPort split_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return {text, {}, false};
  return {text.substr(0, colon), text.substr(colon + 1), true};
}

}  // namespace

Status check_tag(std::string_view tag) {
  if (tag.empty()) return bad("the tag is empty");
  if (tag.size() > kMaxTagBytes)
    return bad(fmt::format("the tag is longer than {} characters", kMaxTagBytes));
  if (!is_alnum(tag.front()) && tag.front() != '_') return bad("a tag begins with a letter, a digit or '_'");
  const auto wrong =
      std::ranges::find_if(tag, [](char c) { return !is_alnum(c) && c != '_' && c != '.' && c != '-'; });
  if (wrong != tag.end())
    return bad(fmt::format("the character '{}' is not allowed in a tag", shown({&*wrong, 1})));
  return {};
}

Status check_repository(std::string_view repository) {
  for (std::string_view rest = repository;;) {
    const std::size_t slash = rest.find('/');
    RETURN_IF_ERROR(check_component(rest.substr(0, slash)));
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Status check_registry(std::string_view registry) {
  const HostPort parts = split_port(registry);
  if (!is_host_name(parts.host)) return bad(fmt::format("'{}' is not a host name", shown(parts.host)));
  if (!parts.has_port) return {};
  int port = 0;
  const bool digits =
      !parts.port.empty() && parts.port.size() <= 5 && std::ranges::all_of(parts.port, is_digit);
  for (char c : digits ? parts.port : std::string_view{}) port = port * 10 + (c - '0');
  if (port < 1 || port > 65535)
    return bad(fmt::format("'{}' is not a port: ports are 1 to 65535", shown(parts.port)));
  return {};
}

bool is_loopback_host(std::string_view host_and_port) {
  const HostPort parts = split_port(host_and_port);
  std::string host(parts.host);
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

namespace {

// What docker calls the familiar name: no dot, colon or upper case before the first slash means a name on
// docker.io.
bool names_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         std::ranges::any_of(first, is_upper);
}

bool is_image_id(std::string_view name) { return name.size() == 64 && std::ranges::all_of(name, is_hex); }

Result<ImageRef> parse_parts(std::string_view text) {
  ImageRef ref;
  if (text.empty()) return bad("it is empty");
  if (text.find("://") != std::string_view::npos)
    return bad("an image reference has no scheme such as https://");
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    Result<Digest> parsed = Digest::parse(digest);
    if (!parsed) {
      if (!digest.starts_with("sha256:")) return bad("after '@' comes a digest that begins with sha256:");
      return bad("after 'sha256:' come exactly 64 lower-case hexadecimal digits");
    }
    ref.digest = *parsed;
  }
  // A colon after the last slash begins the tag; one before it belongs to the registry's port.
  const std::size_t slash = rest.rfind('/');
  const std::size_t colon = rest.find(':', slash == std::string_view::npos ? 0 : slash);
  bool has_tag = false;
  if (colon != std::string_view::npos) {
    has_tag = true;
    ref.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    RETURN_IF_ERROR(check_tag(ref.tag));
  }
  const std::size_t first = rest.find('/');
  if (first == std::string_view::npos || !names_registry(rest.substr(0, first))) {
    ref.registry = kDefaultRegistry;
    ref.repository = rest;
  } else {
    ref.registry = rest.substr(0, first);
    ref.repository = rest.substr(first + 1);
    RETURN_IF_ERROR(check_registry(ref.registry));
    if (ref.registry == "index.docker.io") ref.registry = kDefaultRegistry;
  }
  if (ref.repository.empty()) return bad("the repository name is empty");
  RETURN_IF_ERROR(check_repository(ref.repository));
  if (ref.registry == kDefaultRegistry && ref.repository.find('/') == std::string::npos) {
    if (is_image_id(ref.repository)) return bad("64 hexadecimal digits are an image id, not a name");
    ref.repository.insert(0, kOfficialPrefix);
  }
  if (ref.registry.size() + 1 + ref.repository.size() > kMaxNameBytes)
    return bad(fmt::format("the name is longer than {} characters", kMaxNameBytes));
  if (!has_tag && !ref.digest) ref.tag = "latest";
  return ref;
}

}  // namespace

Result<ImageRef> ImageRef::parse(std::string_view text) {
  Result<ImageRef> ref = parse_parts(text);
  if (ref) return ref;
  return bad(fmt::format("invalid image reference '{}': {}", shown(text), ref.error().message()));
}

std::string ImageRef::full() const {
  if (digest) return fmt::format("{}/{}@{}", registry, repository, digest->to_string());
  return fmt::format("{}/{}:{}", registry, repository, tag);
}

std::string ImageRef::familiar_repository() const {
  if (registry != kDefaultRegistry) return fmt::format("{}/{}", registry, repository);
  // A short form is one only if it means the same image when it is read.
  const std::string_view name = repository;
  if (name.starts_with(kOfficialPrefix) && name.find('/', kOfficialPrefix.size()) == std::string_view::npos) {
    const std::string_view official = name.substr(kOfficialPrefix.size());
    return std::string(is_image_id(official) ? name : official);
  }
  if (names_registry(name.substr(0, name.find('/')))) return fmt::format("{}/{}", registry, repository);
  return repository;
}

std::string ImageRef::familiar() const {
  if (digest) return fmt::format("{}@{}", familiar_repository(), digest->to_string());
  return fmt::format("{}:{}", familiar_repository(), tag);
}

std::string ImageRef::manifest_reference() const { return digest ? digest->to_string() : tag; }

bool ImageRef::registry_is_loopback() const { return is_loopback_host(registry); }

}  // namespace shale::image
