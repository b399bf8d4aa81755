// SPDX-License-Identifier: Apache-2.0
#include "build/step_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "build/run_files.h"
#include "build/selection.h"

namespace shale::build {

namespace {

// Raised when a step's meaning changes, so that results of older versions are not taken for it.
constexpr std::string_view kDomain = "shale-step-3";

// Collects the fields of a key and, beside them, the parts that explain it.
class KeyBuilder {
 public:
  explicit KeyBuilder(const char* kind) : definition_(kDomain), inputs_(kDomain) { definition_.add(kind); }

  // Part of the operation as it is written.
  KeyBuilder& operation(std::string_view name, std::string_view value) {
    definition_.add(name).add(value);
    return *this;
  }
  // Something that may differ from build to build.
  KeyBuilder& input(std::string name, std::string value) {
    inputs_.add(name).add(value);
    parts_.push_back({std::move(name), std::move(value)});
    return *this;
  }
  // What the step stands on. How that is called is for explanations: who writes an instruction in other words
  // and gets the same files from it has changed nothing for what follows.
  KeyBuilder& parent(std::string description, std::string chain) {
    inputs_.add("parent").add(chain);
    parts_.push_back({std::move(description), std::move(chain)});
    return *this;
  }
  StepKey finish() {
    StepKey out;
    out.definition = definition_.finish();
    inputs_.add(out.definition);
    out.key = inputs_.finish();
    out.parts = std::move(parts_);
    return out;
  }

 private:
  FieldHash definition_;
  FieldHash inputs_;
  std::vector<store::KeyPart> parts_;
};

std::string describe(const BuildState& state, plan::NodeId id) {
  if (id == plan::kNoNode) return "the empty base";
  // Without "[stage 2/5] ": how many steps a stage has, and its name, change nothing for those that are
  // there.
  const std::string& title = state.node(id).title;
  const std::size_t end = title.starts_with('[') ? title.find("] ") : std::string::npos;
  return end == std::string::npos ? title : title.substr(end + 2);
}

// The digest of what a COPY picks from `source`. For stages the answer is remembered, so that a cached build
// reads no manifest.
Result<Digest> digest_of_sources(BuildState& state, const plan::CopyOp& op, const plan::FileSource& source) {
  if (source.kind != plan::FileSource::Kind::kNode) {
    ASSIGN_OR_RETURN(SourceTree * tree, state.tree(source));
    ASSIGN_OR_RETURN(const std::vector<Selected> selected, select(op, *tree));
    return selection_digest(op, *tree, selected);
  }
  FieldHash question("shale-selection-1");
  question.add(state.chain(source.node)).add(op.parents);
  for (const std::string& path : op.paths) question.add(path);
  question.add("exclude");
  for (const std::string& pattern : op.exclude) question.add(pattern);
  const Digest asked = question.finish();
  ASSIGN_OR_RETURN(const std::optional<Digest> known, state.store->cache().find_link(asked));
  if (known) return *known;
  if (!state.materialized(source.node))
    return asked;  // manifests are missing: the source's identity has to do
  ASSIGN_OR_RETURN(SourceTree * tree, state.tree(source));
  ASSIGN_OR_RETURN(const std::vector<Selected> selected, select(op, *tree));
  ASSIGN_OR_RETURN(const Digest answer, selection_digest(op, *tree, selected));
  RETURN_IF_ERROR(state.store->cache().put_link(asked, answer));
  return answer;
}

Result<StepKey> copy_key(BuildState& state, const plan::Node& node, const plan::CopyOp& op) {
  KeyBuilder key(op.is_add ? "add" : "copy");
  key.operation("destination", op.destination);
  key.operation("chown", op.chown.value_or("")).operation("chmod", op.chmod.value_or(""));
  key.operation("flags",
                fmt::format("{}{}{}", op.link, op.parents, op.unpack ? (*op.unpack ? "+" : "-") : "?"));
  for (const std::string& path : op.paths) key.operation("source", path);
  for (const std::string& pattern : op.exclude) key.operation("exclude", pattern);
  if (!op.link) key.parent(describe(state, node.parent), state.chain(node.parent).hex());
  for (const auto& [name, content] : op.source.files) key.input("heredoc " + name, Digest::of(content).hex());
  if (!op.paths.empty()) {
    ASSIGN_OR_RETURN(const Digest sources, digest_of_sources(state, op, op.source));
    key.input("the files it copies", sources.hex());
  }
  for (const plan::RemoteSource& remote : op.remotes) {
    plan::CopyOp all;
    all.paths = {"/" + remote.file_name};
    all.exclude = op.exclude;
    const plan::FileSource from{
        .kind = plan::FileSource::Kind::kNode, .name = {}, .node = remote.node, .files = {}};
    ASSIGN_OR_RETURN(const Digest files, digest_of_sources(state, all, from));
    key.input("what is at " + remote.url, files.hex());
    if (!op.paths.empty()) key.operation("place", std::to_string(remote.before));
  }
  return key.finish();
}

// The commit decides, wherever the name of a branch led to it. No credential is part of the key.
StepKey git_key(const BuildState& state, const plan::Node& node, const plan::GitOp& op) {
  const RepositoryState& repository = state.repositories.at(node.id);
  const plan::GitReference& reference = op.reference;
  KeyBuilder key("git");
  key.operation("repository", reference.remote).operation("folder", reference.subdir);
  key.operation("flags",
                fmt::format("{}{}{}", op.keep_git_dir, reference.submodules, reference.commit_times));
  if (op.keep_git_dir) key.operation("ref", repository.full_name);
  key.input("the commit of " + reference.remote, repository.commit);
  return key.finish();
}

StepKey http_key(const plan::HttpOp& op) {
  KeyBuilder key("http");
  key.operation("address", op.url).operation("name", op.file_name).operation("checksum", op.checksum);
  key.operation("unpack", op.unpack ? "1" : "0");
  return key.finish();
}

StepKey run_key(const BuildState& state, const plan::Node& node, const plan::RunOp& op) {
  KeyBuilder key("run");
  for (const std::string& argument : op.args) key.operation("argument", argument);
  key.operation("directory", op.working_dir).operation("user", op.user);
  key.operation("network", std::to_string(static_cast<int>(op.network)));
  key.operation("host name", sandbox_hostname(state.request.build_args));
  if (op.script) key.operation("script", op.script->second);
  for (const plan::MountOp& mount : op.mounts) {
    key.operation("mount", std::to_string(static_cast<int>(mount.kind)));
    key.operation("target", mount.target).operation("read-only", mount.read_only ? "1" : "0");
    switch (mount.kind) {
      case plan::MountOp::Kind::kBind:
        key.operation("source", mount.source_path);
        break;
      case plan::MountOp::Kind::kCache:
        break;  // its content is not part of the result, by definition
      case plan::MountOp::Kind::kTmpfs:
        break;
      case plan::MountOp::Kind::kSecret:
      case plan::MountOp::Kind::kSsh: {
        const bool ssh = mount.kind == plan::MountOp::Kind::kSsh;
        const bool given =
            ssh ? state.ssh.has(mount.id)
                : std::any_of(state.secrets.begin(), state.secrets.end(),
                              [&](const remote::Secret& secret) { return secret.id == mount.id; });
        // The id, never the value.
        key.operation("id", mount.id).operation("required", mount.required ? "1" : "0");
        key.operation("variable", mount.environment);
        key.operation("mode", std::to_string(mount.mode.value_or(0)));
        // That it is there at all changes what a command can do; its value does not count.
        key.input((ssh ? "ssh agent " : "secret ") + mount.id, given ? "given" : "missing");
        break;
      }
    }
    if (mount.source && mount.source->kind == plan::FileSource::Kind::kNode &&
        mount.kind == plan::MountOp::Kind::kBind)
      key.input("the files mounted at " + mount.target, state.chain(mount.source->node).hex());
  }
  for (const std::string& variable : op.env) {
    const std::size_t equals = variable.find('=');
    key.input("variable " + variable.substr(0, equals), variable.substr(equals + 1));
  }
  key.parent(describe(state, node.parent), state.chain(node.parent).hex());
  return key.finish();
}

}  // namespace

Result<std::optional<StepKey>> key_of(BuildState& state, const plan::Node& node) {
  if (const auto* copy = std::get_if<plan::CopyOp>(&node.op)) {
    Result<StepKey> key = copy_key(state, node, *copy);
    if (!key) return fail(state.error_at(node, std::move(key.error())));
    return std::optional(std::move(*key));
  }
  if (const auto* run = std::get_if<plan::RunOp>(&node.op)) return std::optional(run_key(state, node, *run));
  if (const auto* git = std::get_if<plan::GitOp>(&node.op)) return std::optional(git_key(state, node, *git));
  if (const auto* http = std::get_if<plan::HttpOp>(&node.op)) return std::optional(http_key(*http));
  if (const auto* directory = std::get_if<plan::MakeDirOp>(&node.op)) {
    KeyBuilder key("directory");
    key.operation("path", directory->path).operation("user", directory->user);
    key.parent(describe(state, node.parent), state.chain(node.parent).hex());
    return std::optional(key.finish());
  }
  return std::optional<StepKey>();
}

namespace {

// Of the same name, or the same content under another: a digest is never equal by chance.
bool correspond(const store::KeyPart& a, const store::KeyPart& b) {
  constexpr std::size_t kHexOfADigest = 64;
  return a.name == b.name || (a.value == b.value && a.value.size() == kHexOfADigest);
}

}  // namespace

std::string explain_miss(const StepKey& key, const std::vector<store::CacheRecord>& earlier) {
  if (earlier.empty()) return {};
  const std::vector<store::KeyPart>& before = earlier.front().parts;
  for (const store::KeyPart& part : key.parts) {
    bool found = false;
    for (const store::KeyPart& old : before) {
      if (!correspond(old, part)) continue;
      found = true;
      if (old.value != part.value) return fmt::format("{} changed", part.name);
    }
    if (!found) return fmt::format("{} is new", part.name);
  }
  for (const store::KeyPart& old : before) {
    bool found = false;
    for (const store::KeyPart& part : key.parts) found = found || correspond(old, part);
    if (!found) return fmt::format("{} is gone", old.name);
  }
  return {};
}

Digest chain_of(const Digest& parent, const Digest& content_key) {
  return FieldHash("shale-chain-1").add(parent).add(content_key).finish();
}

Digest chain_of_image(const std::vector<Digest>& diff_ids) {
  FieldHash hash("shale-image-chain-1");
  for (const Digest& diff_id : diff_ids) hash.add(diff_id);
  return hash.finish();
}

}  // namespace shale::build
