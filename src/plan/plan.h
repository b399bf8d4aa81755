// SPDX-License-Identifier: Apache-2.0
// Plan: the graph of steps that a Dockerfile asks for, before anything ran. Plain data; plan/planner.h makes
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "image/config.h"
#include "plan/git_reference.h"
#include "shale/build.h"
#include "shale/error.h"
#include "shale/events.h"

namespace shale::plan {

// Index of a node in Plan::nodes. Parents and inputs of a node always have smaller ids.
using NodeId = int;
inline constexpr NodeId kNoNode = -1;

// Where a step finds files that are not its parent's: exactly one of these.
struct FileSource {
  enum class Kind : std::uint8_t {
    kContext,       // the build context
    kNamedContext,  // a local directory given with --build-context; `name` is its name
    kNode,          // the result of another stage or an image: `node`
    kInline,        // heredoc bodies: `files`
  };
  Kind kind = Kind::kContext;
  std::string name;
  NodeId node = kNoNode;
  std::vector<std::pair<std::string, std::string>> files;  // name → content
};

// The files of a repository at one commit, owned by 0:0, as a snapshot of their own.
struct GitOp {
  GitReference reference;
  bool keep_git_dir = false;
  bool operator==(const GitOp&) const = default;
};

// A file from the network as a snapshot of its own: mode 0600, owned by 0:0, with the server's time.
struct HttpOp {
  std::string url;
  std::string file_name;
  std::string checksum;  // "sha256:…" or empty
  bool unpack = false;   // an archive is replaced by what is in it
  bool operator==(const HttpOp&) const = default;
};
using RemoteOp = std::variant<GitOp, HttpOp>;

// The layers of an image.
struct ImageOp {
  std::string reference;  // as written, expanded
  std::string platform;   // normal form
};

// RUN --mount, expanded.
struct MountOp {
  enum class Kind : std::uint8_t { kBind, kCache, kTmpfs, kSecret, kSsh };
  Kind kind = Kind::kBind;
  std::string target;                // absolute; empty for a secret that is an environment variable only
  std::optional<FileSource> source;  // bind; cache with from=
  std::string source_path = "/";
  bool read_only = false;
  std::string id;  // cache, secret, ssh
  enum class Sharing : std::uint8_t { kShared, kPrivate, kLocked } sharing = Sharing::kShared;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::uint64_t tmpfs_bytes = 0;  // 0 = no limit of its own
  bool required = false;          // secret, ssh
  std::string environment;        // secret: variable that gets the value
};

// Where the script of a RUN heredoc that begins with #! is mounted: BuildKit's place, which a script sees as
// $0.
inline constexpr const char* kScriptDirectory = "/dev/pipes/";

struct RunOp {
  std::vector<std::string> args;  // what is executed; shell already in front
  std::vector<std::string> env;   // K=V, everything the command sees but HOME and proxies
  std::string working_dir;        // absolute
  std::string user;               // as USER says; empty = root
  NetworkMode network = NetworkMode::kDefault;
  std::vector<MountOp> mounts;
  // A heredoc that begins with #! is put here and executed: name → content.
  std::optional<std::pair<std::string, std::string>> script;
  bool insecure = false;  // --security=insecure
};

// One source word of COPY or ADD.
struct CopySourcePath {
  std::string path;  // as written, expanded; may hold wildcards
};
// A source word of ADD that is an address.
struct RemoteSource {
  std::string url;         // without user name and password
  NodeId node = kNoNode;   // fetches it
  std::string file_name;   // the file in the node's snapshot; empty = all of a repository
  std::size_t before = 0;  // how many of the instruction's paths stand before it
};

struct CopyOp {
  FileSource source;
  std::vector<std::string> paths;  // expanded; wildcards as in Go's filepath.Match
  // ADD only. Where two sources have the same name, the last one on the line counts, and heredocs come last.
  std::vector<RemoteSource> remotes;
  std::string destination;           // absolute; a trailing '/' is kept: it asks for a directory
  std::optional<std::string> chown;  // "user[:group]" expanded
  std::optional<std::string> chmod;  // octal or symbolic, expanded
  std::vector<std::string> exclude;
  bool link = false;
  bool parents = false;
  bool is_add = false;         // local archives are unpacked
  std::optional<bool> unpack;  // ADD --unpack
};

// WORKDIR: a directory made if missing.
struct MakeDirOp {
  std::string path;  // absolute
  std::string user;  // owner of what is made, as USER says
};

struct Node {
  NodeId id = kNoNode;
  NodeId parent = kNoNode;  // the snapshot it starts from; kNoNode = an empty one
  int stage =
      0;  // index in Plan::stages of the stage it was written in; -1 = an image that is only copied from
  std::variant<ImageOp, RunOp, CopyOp, MakeDirOp, GitOp, HttpOp> op;
  std::string title;  // "[build 3/5] RUN make"
  SourceSpan span;
  // Every other node whose files it reads (COPY --from, RUN --mount=from).
  std::vector<NodeId> inputs;
  bool no_cache = false;
};

// One row of the image's history that this build adds.
struct HistoryStep {
  std::string created_by;
  NodeId node = kNoNode;  // the node that made its layer; kNoNode = metadata only
};

struct Stage {
  std::string name;           // as written; empty if unnamed
  std::string shown_name;     // name, or "stage-N"
  int index = 0;              // position among the FROMs of the file
  NodeId base = kNoNode;      // what FROM names: an image's node, another stage's result, or none (scratch)
  NodeId result = kNoNode;    // after its last instruction
  image::ImageConfig config;  // complete but for created, diff_ids and the times of history rows
  std::vector<HistoryStep> history;   // rows of this stage and of the stages below it, after the base image's
  std::size_t base_history_rows = 0;  // how many rows of config.history came with the base image
};

struct Plan {
  std::vector<Node> nodes;
  std::vector<Stage> stages;  // only those the target needs, in the order of the file
  std::size_t target = 0;     // index in `stages`
  std::vector<Warning> warnings;
  std::optional<Error>
      lint_error;  // "# check=error=true" and there are warnings: the build ends before it begins
  std::string source_date_epoch;  // SOURCE_DATE_EPOCH as a build argument or a global ARG; empty = not set
};

}  // namespace shale::plan
