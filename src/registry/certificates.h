// SPDX-License-Identifier: Apache-2.0
// Certificates: which authorities are trusted for a host, found when the program runs, not when it was built.
#pragma once

#include <string>

namespace shale::registry {

struct Certificates {
  std::string bundle_file;         // PEM; "" = none is there
  std::string directory;           // hashed directory, or ""
  std::string extra_pem;           // text of the host's own authorities, in addition to the bundle
  std::string client_certificate;  // path, or ""
  std::string client_key;
  // For messages: which of these decided.
  std::string description;
};

// $CURL_CA_BUNDLE or $SSL_CERT_FILE, $SSL_CERT_DIR, else the bundle of the distribution; and for the host
// (with its port as in the reference) what lies in /etc/containers/certs.d, /etc/docker/certs.d and their
// counterparts in
// ~/.config: *.crt, *.cert with its *.key.
Certificates certificates_for(const std::string& authority);

}  // namespace shale::registry
