// SPDX-License-Identifier: Apache-2.0
// Selection: what the source words of a COPY or ADD pick from a tree.
#pragma once

#include <string>
#include <vector>

#include "build/source_tree.h"
#include "plan/plan.h"

namespace shale::build {

// One picked path. `path` is canonical (links followed); `name` is the last component as it was found, which
// is the name that a file keeps in a destination directory.
struct Selected {
  std::string path;  // "" = the whole tree
  std::string name;
  std::size_t word = 0;  // which of the instruction's paths picked it
  // COPY --parents: everything below `path` that the pattern matches, at its place relative to `path`.
  std::string parents_pattern;
};

// The picks of every word in order. A word without wildcards that names nothing is an error; with wildcards
// it picks nothing, but the directory before the first of them must be there. Of a local context, only what
// the build takes is there: "target/*.jar" without such a file is an error unless something else of target is
// copied as well. So it is with docker, whose builder is sent nothing else.
Result<std::vector<Selected>> select(const plan::CopyOp& op, const SourceTree& tree);

// A digest of everything picked: names relative to the pick, types, modes, owners, contents, link targets,
// xattrs; not times. `exclude` as in CopyOp.
Result<Digest> selection_digest(const plan::CopyOp& op, SourceTree& tree,
                                const std::vector<Selected>& selected);

}  // namespace shale::build
