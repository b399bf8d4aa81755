// SPDX-License-Identifier: Apache-2.0
// The small languages of --output and --secret: one line of CSV with key=value fields, as docker reads them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "shale/build.h"
#include "shale/suggest.h"

namespace shale {

namespace {

Error usage(const char* option, std::string_view text, std::string_view why) {
  return {ErrorKind::kUsage, fmt::format("--{} '{}': {}", option, text, why)};
}

// RFC 4180: a field that starts with a quotation mark ends at the next single one; two stand for one.
Result<std::vector<std::string>> split_csv(const char* option, std::string_view text) {
  std::vector<std::string> fields;
  std::size_t i = 0;
  while (true) {
    std::string field;
    if (i < text.size() && text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return fail(usage(option, text, "a quotation mark is not closed"));
        if (text[i] != '"')
          field += text[i];
        else if (i + 1 < text.size() && text[i + 1] == '"')
          field += text[i++];
        else
          break;
      }
      ++i;
      if (i < text.size() && text[i] != ',')
        return fail(usage(option, text, "text follows a closing quotation mark")
                        .hint("put the quotation marks around the whole field: \"dest=a,b\""));
    } else {
      const std::size_t end = std::min(text.find(',', i), text.size());
      field = text.substr(i, end - i);
      if (field.find('"') != std::string::npos)
        return fail(usage(option, text, "a quotation mark stands inside a field")
                        .hint("put the quotation marks around the whole field: \"dest=a,b\""));
      i = end;
    }
    fields.push_back(std::move(field));
    if (i >= text.size()) return fields;
    ++i;
  }
}

struct KeyValue {
  std::string key;  // lower case
  std::string value;
};

Result<KeyValue> split_field(const char* option, std::string_view text, std::string_view field) {
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos)
    return fail(usage(option, text, fmt::format("'{}' is not of the form key=value", field)));
  KeyValue pair{std::string(field.substr(0, equals)), std::string(field.substr(equals + 1))};
  for (char& c : pair.key)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return pair;
}

struct KindName {
  const char* name;
  OutputSpec::Kind kind;
};
constexpr std::array kKinds = {
    KindName{"local", OutputSpec::Kind::kLocal},
    KindName{"tar", OutputSpec::Kind::kTar},
    KindName{"oci", OutputSpec::Kind::kOci},
    KindName{"docker", OutputSpec::Kind::kDocker},
    KindName{"image", OutputSpec::Kind::kImage},
    KindName{"registry", OutputSpec::Kind::kRegistry},
    KindName{"cacheonly", OutputSpec::Kind::kCacheOnly},
};

// What BuildKit's exporters take beside type, dest and name.
constexpr std::array kAttributes = {
    "attestation-inline",
    "attestation-prefix",
    "buildinfo",
    "compression",
    "compression-level",
    "context",
    "dangling-name-prefix",
    "force-compression",
    "mode",
    "name-canonical",
    "oci-artifact",
    "oci-mediatypes",
    "platform-split",
    "push",
    "push-by-digest",
    "registry.insecure",
    "rewrite-timestamp",
    "store",
    "tar",
    "unpack",
};

Result<OutputSpec::Kind> kind_of(std::string_view text, std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& kind : kKinds) {
    if (name == kind.name) return kind.kind;
    names.emplace_back(kind.name);
  }
  Error error = usage("output", text, fmt::format("unknown type '{}'", name));
  if (std::string nearest = suggest(name, names); !nearest.empty())
    error.add_hint(fmt::format("did you mean '{}'?", nearest));
  error.add_hint("the types are local, tar, oci, docker, image, registry and cacheonly");
  return fail(std::move(error));
}

Status check_attribute(std::string_view text, const std::string& key) {
  if (key.starts_with("annotation")) return {};
  std::vector<std::string> names{"type", "dest", "name"};
  for (const char* known : kAttributes) {
    if (key == known) return {};
    names.emplace_back(known);
  }
  Error error = usage("output", text, fmt::format("unknown key '{}'", key));
  if (std::string nearest = suggest(key, names); !nearest.empty())
    error.add_hint(fmt::format("did you mean '{}'?", nearest));
  return fail(std::move(error));
}

Status check_destination(std::string_view text, OutputSpec& spec) {
  using Kind = OutputSpec::Kind;
  switch (spec.kind) {
    case Kind::kLocal:
      if (spec.destination.empty()) return fail(usage("output", text, "type=local needs dest=DIRECTORY"));
      if (spec.destination == "-")
        return fail(usage("output", text, "a directory cannot go to standard output"));
      return {};
    case Kind::kTar:
    case Kind::kOci:
      if (spec.destination.empty()) spec.destination = "-";
      return {};
    case Kind::kDocker:
      // Without a destination docker means its own images: here the store.
      if (spec.destination.empty()) spec.kind = Kind::kImage;
      return {};
    case Kind::kImage:
    case Kind::kRegistry:
    case Kind::kCacheOnly:
      if (!spec.destination.empty()) return fail(usage("output", text, "dest= has no meaning for this type"));
      return {};
  }
  return {};
}

}  // namespace

Result<OutputSpec> OutputSpec::parse(const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, split_csv("output", text));
  OutputSpec spec;
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos) {
    if (fields[0].empty()) return fail(usage("output", text, "it is empty"));
    spec.destination = fields[0];
    spec.kind = fields[0] == "-" ? Kind::kTar : Kind::kLocal;
    return spec;
  }
  bool has_type = false;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(KeyValue pair, split_field("output", text, field));
    if (pair.key == "type") {
      ASSIGN_OR_RETURN(spec.kind, kind_of(text, pair.value));
      has_type = true;
    } else if (pair.key == "dest") {
      spec.destination = std::move(pair.value);
    } else if (pair.key == "name") {
      spec.name = std::move(pair.value);
    } else {
      RETURN_IF_ERROR(check_attribute(text, pair.key));
      spec.attributes[pair.key] = std::move(pair.value);
    }
  }
  if (!has_type)
    return fail(usage("output", text, "type= is missing")
                    .hint("for example type=local,dest=out, or only the directory"));
  RETURN_IF_ERROR(check_destination(text, spec));
  return spec;
}

Result<SshSpec> SshSpec::parse(const std::string& text) {
  const std::size_t equals = text.find('=');
  SshSpec spec{.id = text.substr(0, equals), .paths = {}};
  if (spec.id.empty()) spec.id = "default";
  if (equals == std::string::npos) return spec;
  ASSIGN_OR_RETURN(spec.paths, split_csv("ssh", std::string_view(text).substr(equals + 1)));
  for (const std::string& path : spec.paths)
    if (path.empty())
      return fail(usage("ssh", text, "a path is empty")
                      .hint("write default, ID=SOCKET or ID=KEY with the file of a private key"));
  return spec;
}

Result<SecretSpec> SecretSpec::parse(const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, split_csv("secret", text));
  SecretSpec spec;
  std::string type;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(KeyValue pair, split_field("secret", text, field));
    if (pair.key == "id")
      spec.id = std::move(pair.value);
    else if (pair.key == "src" || pair.key == "source")
      spec.file = std::move(pair.value);
    else if (pair.key == "env")
      spec.environment = std::move(pair.value);
    else if (pair.key == "type")
      type = std::move(pair.value);
    else
      return fail(usage("secret", text, fmt::format("unknown key '{}'", pair.key))
                      .hint("the keys are id, src, env and type"));
  }
  if (spec.id.empty()) return fail(usage("secret", text, "id= is missing"));
  if (!type.empty() && type != "file" && type != "env")
    return fail(
        usage("secret", text, fmt::format("unknown type '{}'", type)).hint("the types are file and env"));
  if (type == "env" && spec.environment.empty()) std::swap(spec.environment, spec.file);
  if (!spec.environment.empty() && !spec.file.empty())
    return fail(usage("secret", text, "src= and env= exclude each other"));
  // With neither, docker takes the variable of that name if it is set, else the file of that name.
  if (spec.environment.empty() && spec.file.empty())
    (std::getenv(spec.id.c_str()) != nullptr ? spec.environment : spec.file) = spec.id;
  return spec;
}

}  // namespace shale
