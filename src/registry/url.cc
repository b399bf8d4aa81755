// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "image/reference.h"

namespace shale::registry {

namespace {

constexpr std::size_t kMaxUrlBytes = 16 * 1024;  // signed addresses of storage services reach 2–4 KiB

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorKind::kNetwork, fmt::format("the address {} {}", redacted_url(text), why));
}

// Removes "." and ".." segments of a path (RFC 3986, 5.2.4).
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool trailing = false;
  for (std::string_view rest = path.substr(1);;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    trailing = part == "." || part == "..";
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (part != ".") {
      kept.push_back(part);
    }
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  std::string out;
  for (std::string_view part : kept) out += fmt::format("/{}", part);
  if (trailing || out.empty()) out += '/';
  return out;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return bad(text, "is too long");
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '\\')
      return bad(text, "has a character that addresses do not have");
  Url url;
  const std::size_t colon = text.find("://");
  url.scheme = colon == std::string_view::npos ? "" : lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https")
    return bad(text, "begins neither with http:// nor with https://");
  std::string_view rest = text.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (url.userinfo.find('@') != std::string::npos) return bad(text, "has two '@'");
  }
  const std::string host = lower(authority);
  if (host.ends_with(':')) return bad(text, "has an empty port");
  // A host name is what it is in an image reference, "_" included (it occurs in names of containers).
  std::string checked = host;
  std::ranges::replace(checked, '_', 'a');
  if (!image::check_registry(checked)) return bad(text, "has no valid host or port");
  const std::size_t bracket = host.rfind(']');
  const std::size_t port = host.rfind(':');
  const bool has_port = port != std::string::npos && (bracket == std::string::npos || port > bracket);
  url.host = host.substr(0, has_port ? port : std::string::npos);
  url.port =
      has_port ? static_cast<std::uint16_t>(std::stoi(host.substr(port + 1))) : default_port(url.scheme);
  rest = rest.substr(0, rest.find('#'));
  url.target = rest;
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

Result<Url> Url::resolve(std::string_view location) const {
  if (location.empty()) return fail(ErrorKind::kRegistry, "the server sent an empty Location");
  if (location.find("://") < location.find_first_of("/?#")) return parse(location);
  // "scheme:…" without slashes (javascript:, data:) is no relative path.
  if (location.find(':') < location.find_first_of("/?#")) return bad(location, "is not one to follow");
  const std::string root = fmt::format("{}://{}", scheme, authority());
  if (location.starts_with("//")) return parse(fmt::format("{}:{}", scheme, location));
  const std::string path = target.substr(0, target.find('?'));
  std::string full;
  if (location.starts_with('/'))
    full = location;
  else if (location.starts_with('?') || location.starts_with('#'))
    full = path + std::string(location);
  else
    full = path.substr(0, path.rfind('/') + 1) + std::string(location);
  const std::size_t query = full.find_first_of("?#");
  std::string tail = query == std::string::npos ? "" : full.substr(query);
  return parse(root + without_dots(std::string_view(full).substr(0, query)) + tail);
}

std::string Url::authority() const {
  return port == default_port(scheme) ? host : fmt::format("{}:{}", host, port);
}

std::string Url::to_string() const { return fmt::format("{}://{}{}", scheme, authority(), target); }

void Url::add_query(std::string_view name, std::string_view value) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += fmt::format("{}={}", name, percent_encode(value));
}

std::string redacted_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme > 8) return "(an address)";  // longer than any scheme, or none (npos)
  std::string_view rest = text.substr(scheme + 3);
  const std::size_t end = rest.find_first_of("/?#\\");
  std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  const std::size_t query = rest.find_first_of("?#");
  std::string out = fmt::format("{}://{}{}", text.substr(0, scheme), authority, rest.substr(0, query));
  if (query != std::string_view::npos) out += "?…";
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (out.size() > 300) out = out.substr(0, 300) + "…";
  return out;
}

std::string redacted_url(const Url& url) { return redacted_url(url.to_string()); }

std::string percent_encode(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return false;
    out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return true;
}

}  // namespace shale::registry
