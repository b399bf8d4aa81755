// SPDX-License-Identifier: Apache-2.0
// --output, as docker reads it, and what each key that BuildKit's exporters take means here.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "build/option_fields.h"
#include "export/layer_blob.h"
#include "export/manifest_options.h"
#include "shale/build.h"
#include "shale/suggest.h"

namespace shale {

using namespace build;  // NOLINT(google-build-using-namespace): the public functions are that room's

namespace {

using Kind = OutputSpec::Kind;

struct KindName {
  const char* name;
  Kind kind;
};
constexpr std::array kKinds = {
    KindName{"local", Kind::kLocal},
    KindName{"tar", Kind::kTar},
    KindName{"oci", Kind::kOci},
    KindName{"docker", Kind::kDocker},
    KindName{"image", Kind::kImage},
    KindName{"registry", Kind::kRegistry},
    KindName{"cacheonly", Kind::kCacheOnly},
};

constexpr const char* kNoAttestation = "no attestation is made";
constexpr const char* kOneStore = "the image is always put into the store, with its layers as they are used";

struct Key {
  const char* name;
  bool boolean = false;
  // Why the key changes nothing, for those that are taken so that command lines run as they are.
  const char* ignored = nullptr;
};
// What BuildKit's exporters take beside type, dest, name and annotations.
constexpr std::array kKeys = {
    Key{"attestation-inline", true, kNoAttestation},
    Key{"attestation-prefix", false, kNoAttestation},
    Key{"buildinfo", true, "BuildKit gave build information up, too"},
    Key{"buildinfo-attrs", true, "BuildKit gave build information up, too"},
    Key{"compatibility-version", false, "there is one way in which images are written"},
    Key{"compression"},
    Key{"compression-level"},
    Key{"context"},
    Key{"dangling-name-prefix", false, "an image without a name is found by its id"},
    Key{"force-compression", true},
    Key{"mode"},
    Key{"name-canonical", true, "an image is found by its digest anyway"},
    Key{"oci-artifact", true, kNoAttestation},
    Key{"oci-mediatypes", true},
    Key{"platform-split", true},
    Key{"prefer-nondist-layers", true, "no layer is kept from being distributed"},
    Key{"push", true},
    Key{"push-by-digest", true},
    Key{"registry.insecure", true},
    Key{"rewrite-timestamp", true},
    Key{"source-date-epoch"},
    Key{"store", true, kOneStore},
    Key{"tar", true},
    Key{"unpack", true, kOneStore},
};

const char* name_of(Kind kind) { return std::ranges::find(kKinds, kind, &KindName::kind)->name; }

Result<Kind> kind_of(std::string_view text, std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& kind : kKinds) {
    if (name == kind.name) return kind.kind;
    names.emplace_back(kind.name);
  }
  Error error = option_error("output", text, fmt::format("unknown type '{}'", name));
  hint_nearest(error, name, names);
  error.add_hint("the types are local, tar, oci, docker, image, registry and cacheonly");
  return fail(std::move(error));
}

const Key* find_key(std::string_view name) {
  const auto found =
      std::ranges::find(kKeys, name, [](const Key& key) { return std::string_view(key.name); });
  return found == kKeys.end() ? nullptr : &*found;
}

Status check_attribute(std::string_view text, const std::string& name, const std::string& value) {
  if (exporter::is_annotation_key(name)) return {};
  if (const Key* key = find_key(name)) {
    if (!key->boolean) return {};
    if (Result<bool> flag = exporter::parse_output_bool(name, value); !flag)
      return fail(option_error("output", text, flag.error().message()));
    return {};
  }
  std::vector<std::string> names{"type", "dest", "name", "annotation.KEY"};
  for (const Key& known : kKeys) names.emplace_back(known.name);
  Error error = option_error("output", text, fmt::format("unknown key '{}'", name));
  if (!hint_nearest(error, name, names))
    error.add_hint(fmt::format("the keys are {}", fmt::join(names, ", ")));
  return fail(std::move(error));
}

bool is_true(const OutputSpec& spec, const char* key) {
  return exporter::output_flag(spec.attributes, key, false).value_or(false);
}

bool writes_image(Kind kind) {
  return kind == Kind::kOci || kind == Kind::kDocker || kind == Kind::kImage || kind == Kind::kRegistry;
}
bool writes_files(Kind kind) { return kind == Kind::kLocal || kind == Kind::kTar; }

// What would come out other than it was asked for.
Status check_meaning(std::string_view text, const OutputSpec& spec) {
  const auto refuse = [&](std::string_view why, std::string remedy) {
    return fail(option_error("output", text, why).hint(std::move(remedy)));
  };
  if (is_true(spec, "push-by-digest"))
    return refuse("an image is pushed under a name, not by its digest alone",
                  "leave out push-by-digest, and take the digest from --metadata-file");
  if (is_true(spec, "registry.insecure"))
    return refuse("a registry is spoken to by HTTPS, or by HTTP on this host only",
                  "leave out registry.insecure, and give the registry a certificate that this host trusts");
  if (spec.attributes.contains("context"))
    return refuse("there is no docker context to load the image into",
                  "write type=docker,dest=FILE and load it with docker --context NAME load -i FILE");
  if (const auto mode = spec.attributes.find("mode"); mode != spec.attributes.end()) {
    if (mode->second == "delete")
      return refuse("files that are there already are not deleted", "empty the directory before the build");
    if (mode->second != "copy")
      return refuse(fmt::format("unknown mode '{}'", mode->second), "mode= takes copy");
  }
  if (spec.kind == Kind::kDocker && spec.attributes.contains("tar") && !is_true(spec, "tar"))
    return refuse("a docker archive is always a tar", "write type=oci,tar=false for a directory");
  if (spec.kind == Kind::kTar && is_true(spec, "platform-split"))
    return refuse("a tar has the files of one platform at its top",
                  "leave out platform-split, or write type=local");
  return {};
}

Status check_destination(std::string_view text, OutputSpec& spec) {
  switch (spec.kind) {
    case Kind::kLocal:
      if (spec.destination.empty())
        return fail(option_error("output", text, "type=local needs dest=DIRECTORY"));
      if (spec.destination == "-")
        return fail(option_error("output", text, "a directory cannot go to standard output"));
      return {};
    case Kind::kTar:
    case Kind::kOci:
      if (spec.destination.empty()) spec.destination.assign(1, '-');
      return {};
    case Kind::kDocker:
      // Without a destination docker means its own images: here the store.
      if (spec.destination.empty()) spec.kind = Kind::kImage;
      return {};
    case Kind::kImage:
    case Kind::kRegistry:
    case Kind::kCacheOnly:
      if (!spec.destination.empty())
        return fail(option_error("output", text, "dest= has no meaning for this type"));
      if (spec.kind == Kind::kImage && is_true(spec, "push")) spec.kind = Kind::kRegistry;
      return {};
  }
  return {};
}

// Why a key that is known changes nothing with this type; nullptr if it does something.
const char* without_effect(const OutputSpec& spec, std::string_view name) {
  if (exporter::is_annotation_key(name)) {
    if (spec.kind == Kind::kOci || spec.kind == Kind::kRegistry) return nullptr;
    return "annotations are of a manifest, which type=oci and type=registry write";
  }
  const Key* key = find_key(name);
  if (key == nullptr || key->ignored != nullptr) return key == nullptr ? nullptr : key->ignored;
  if (name.ends_with("compression") || name == "compression-level") {
    if (spec.kind == Kind::kOci || spec.kind == Kind::kRegistry) return nullptr;
    if (spec.kind == Kind::kDocker) return "layers in docker archives are plain tars";
    return spec.kind == Kind::kImage ? "layers are compressed when they leave the store"
                                     : "no layer is written";
  }
  if (name == "oci-mediatypes") {
    if (spec.kind == Kind::kOci || spec.kind == Kind::kRegistry) return nullptr;
    return "media types are in a manifest, which type=oci and type=registry write";
  }
  if (name == "rewrite-timestamp" && !writes_image(spec.kind))
    return writes_files(spec.kind) ? "all files have the time of SOURCE_DATE_EPOCH already"
                                   : "no layer is written";
  if (name == "platform-split" && spec.kind != Kind::kLocal && spec.kind != Kind::kTar)
    return "it is about type=local";
  if (name == "mode" && spec.kind != Kind::kLocal) return "it is about type=local";
  if (name == "tar" && spec.kind != Kind::kOci && spec.kind != Kind::kDocker) return "it is about type=oci";
  if (name == "push" && spec.kind != Kind::kRegistry && is_true(spec, "push"))
    return "it is about type=image";
  return nullptr;
}

}  // namespace

Result<OutputSpec> OutputSpec::parse(const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, split_csv("output", text));
  OutputSpec spec;
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos) {
    if (fields[0].empty()) return fail(option_error("output", text, "it is empty"));
    spec.destination = fields[0];
    spec.kind = fields[0] == "-" ? Kind::kTar : Kind::kLocal;
    return spec;
  }
  bool has_type = false;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(OptionField pair, split_field("output", text, field));
    if (pair.key == "type") {
      ASSIGN_OR_RETURN(spec.kind, kind_of(text, pair.value));
      has_type = true;
    } else if (pair.key == "dest") {
      spec.destination = std::move(pair.value);
    } else if (pair.key == "name") {
      spec.name = std::move(pair.value);
    } else {
      RETURN_IF_ERROR(check_attribute(text, pair.key, pair.value));
      spec.attributes[pair.key] = std::move(pair.value);
    }
  }
  if (!has_type)
    return fail(option_error("output", text, "type= is missing")
                    .hint("for example type=local,dest=out, or only the directory"));
  RETURN_IF_ERROR(check_meaning(text, spec));
  RETURN_IF_ERROR(check_destination(text, spec));
  return spec;
}

std::vector<std::string> OutputSpec::notes() const {
  std::vector<std::string> lines;
  for (const auto& [key, value] : attributes)
    if (const char* why = without_effect(*this, key))
      lines.push_back(fmt::format("{}= has no effect with type={}: {}", key, name_of(kind), why));
  return lines;
}

}  // namespace shale
