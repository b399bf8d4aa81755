// SPDX-License-Identifier: Apache-2.0
#include "registry/certificates.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "sys/files.h"

namespace shale::registry {

namespace {

// Debian and Alpine, Fedora, openSUSE, older Red Hat, FreeBSD, Alpine's OpenSSL.
constexpr std::array kBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                 "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                 "/etc/ssl/ca-bundle.pem",
                                 "/etc/pki/tls/certs/ca-bundle.crt",
                                 "/usr/local/share/certs/ca-root-nss.crt",
                                 "/etc/ssl/cert.pem"};

constexpr std::size_t kMaxPemBytes = std::size_t{4} << 20;

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void add_host_files(const std::string& dir, Certificates& out) {
  const Result<UniqueFd> fd = sys::open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
  if (!fd) return;
  const Result<std::vector<std::string>> names = sys::list_dir(fd->get());
  if (!names) return;
  for (const std::string& name : *names) {
    if (name.ends_with(".crt")) {
      if (Result<std::string> pem = sys::read_file(fd->get(), name, kMaxPemBytes))
        out.extra_pem += *pem + "\n";
    } else if (name.ends_with(".cert")) {
      const std::string key = name.substr(0, name.size() - 5) + ".key";
      if (!sys::exists_at(fd->get(), key)) continue;
      out.client_certificate = fmt::format("{}/{}", dir, name);
      out.client_key = fmt::format("{}/{}", dir, key);
    }
  }
  if (!out.extra_pem.empty()) out.description += fmt::format(" and {}", dir);
}

}  // namespace

Certificates certificates_for(const std::string& authority) {
  Certificates out;
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (out.bundle_file.empty()) out.bundle_file = env(name);
  out.directory = env("SSL_CERT_DIR");
  if (out.bundle_file.empty() && out.directory.empty()) {
    for (const char* path : kBundles) {
      if (::access(path, R_OK) != 0) continue;
      out.bundle_file = path;
      break;
    }
  }
  out.description =
      !out.bundle_file.empty() ? out.bundle_file
      : !out.directory.empty()
          ? out.directory
          : "none were found on this machine; install ca-certificates, or name a file with SSL_CERT_FILE";
  if (authority.find('/') != std::string::npos)
    return out;  // an authority never has one; a path must not appear
  for (const char* base : {"/etc/containers/certs.d", "/etc/docker/certs.d"})
    add_host_files(fmt::format("{}/{}", base, authority), out);
  if (const std::string home = env("HOME"); !home.empty())
    for (const char* base : {".config/containers/certs.d", ".config/docker/certs.d"})
      add_host_files(fmt::format("{}/{}/{}", home, base, authority), out);
  return out;
}

}  // namespace shale::registry
