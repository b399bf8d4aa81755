// SPDX-License-Identifier: Apache-2.0
// How a layer's directory keeps the owners of its entries. The layer itself (manifest, tar, digests) is the
// same either way.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "layer/manifest.h"
#include "runtime/emulation/owner_record.h"

namespace shale::layer {

enum class OwnerEncoding : std::uint8_t {
  kIds,         // files belong to the ids they have in the image, as this user namespace shows them
  kAttributes,  // every file belongs to root; the image's owner is an attribute (runtime::OwnerRecord), and
                // of what carries none (links, fifos, sockets; on a file system without attributes
                // everything) it is in the manifest only
};

// Owners of what carries no attribute, by path.
using OwnersBeside = std::map<std::string, runtime::OwnerRecord, std::less<>>;

// The encoding behind a name that the store records (LayerRecord::encoding).
OwnerEncoding owner_encoding_of(std::string_view encoding);

// The name of the encoding that directories of one-id builds have.
inline constexpr std::string_view kSingleEncoding = "single";

// Whether attributes can hold owners on the file system of this directory (user.*).
bool has_owner_attributes(int directory);

// Gives an open file or directory to its entry's owner; where it takes an attribute and there are none, that
// is the manifest's business. The mode has to be set afterwards: a change of owner clears the set-id bits.
Status give_to_owner(OwnerEncoding encoding, int fd, const Entry& entry);

// The same for a symlink, fifo or socket, by its name.
Status give_to_owner_at(OwnerEncoding encoding, int directory, const std::string& name, const Entry& entry);

// Whether the file on the disk belongs to the entry's owner.
bool belongs_to_owner(OwnerEncoding encoding, int directory, const std::string& name, const struct stat& info,
                      const Entry& entry);

}  // namespace shale::layer
