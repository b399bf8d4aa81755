// SPDX-License-Identifier: Apache-2.0
#include "plan/copy_instruction.h"

#include "dockerfile/chmod.h"
#include "plan/history_text.h"
#include "plan/paths.h"

namespace shale::plan {

namespace {

using dockerfile::Instruction;

Status check_remotes(const StageWriter& writer, const Instruction& instruction, const CopyOp& op) {
  for (const RemoteSource& remote : op.remotes)
    if (remote.kind == RemoteSource::Kind::kGit)
      return fail(writer.at(instruction,
                            Error(ErrorKind::kUnsupported, "ADD cannot fetch git repositories")
                                .hint("clone it before the build and COPY it, or use RUN git clone"),
                            remote.url));
  if (op.checksum.empty()) return {};
  if (op.remotes.size() + op.paths.size() != 1)
    return fail(writer.at(instruction,
                          Error(ErrorKind::kDockerfile, "checksum can't be specified for multiple sources"),
                          "--checksum"));
  if (op.remotes.empty())
    return fail(writer.at(instruction,
                          Error(ErrorKind::kDockerfile, "checksum requires HTTP(S) or Git sources"),
                          "--checksum"));
  const std::size_t colon = op.checksum.find(':');
  if (colon == std::string::npos)
    return fail(
        writer.at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), op.checksum));
  if (op.checksum.substr(0, colon) != "sha256")
    return fail(writer.at(
        instruction,
        Error(ErrorKind::kDockerfile, "unsupported digest algorithm").hint("write sha256:<64 hex digits>"),
        op.checksum));
  if (!Digest::parse(op.checksum))
    return fail(
        writer.at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), op.checksum));
  return {};
}

// Where an exception brings something back, what is copied may be a part of what is ignored: nothing is said
// then.
void warn_ignored(StageWriter& writer, const Instruction& instruction, const std::string& written,
                  const std::string& path, bool is_add) {
  const auto& ignore = writer.context().options->ignore;
  if (ignore == nullptr || ignore->has_exceptions()) return;
  std::string inside = clean_path(path).substr(1);
  if (inside.empty()) inside = ".";
  if (!ignore->matches(inside)) return;
  writer.warn(instruction, "CopyIgnoredFile", written, {is_add ? "Add" : "Copy", path});
}

}  // namespace

Status plan_copy(StageWriter& writer, const dockerfile::Instruction& instruction,
                 const dockerfile::Copy& copy, bool is_add) {
  CopyOp op;
  op.is_add = is_add;
  op.exclude = copy.exclude;
  op.link = copy.link;
  op.parents = copy.parents;
  op.keep_git_dir = copy.keep_git_dir.value_or(false);
  op.unpack = copy.unpack;
  if (!copy.checksum.empty()) {
    ASSIGN_OR_RETURN(op.checksum, writer.expand(instruction, copy.checksum));
  }
  std::vector<NodeId> inputs;
  if (!copy.from.empty()) {
    ASSIGN_OR_RETURN(const Target target,
                     writer.context().graph->find(copy.from, writer.stage().index, true));
    ASSIGN_OR_RETURN(op.source, writer.context().source_of(target, instruction));
    if (op.source.kind == FileSource::Kind::kNode && op.source.node != kNoNode)
      inputs.push_back(op.source.node);
  }
  for (const std::string& source : copy.sources) {
    ASSIGN_OR_RETURN(std::string path, writer.expand(instruction, source));
    if (is_add && copy.from.empty()) {
      if (const auto remote = remote_kind(path)) {
        op.remotes.push_back({.kind = *remote, .url = std::move(path)});
        continue;
      }
    }
    if (copy.from.empty()) warn_ignored(writer, instruction, source, path, is_add);
    op.paths.push_back(std::move(path));
  }
  RETURN_IF_ERROR(check_remotes(writer, instruction, op));
  if (!copy.inline_sources.empty()) {
    if (op.paths.empty() && op.remotes.empty()) op.source.kind = FileSource::Kind::kInline;
    for (const dockerfile::InlineSource& source : copy.inline_sources) {
      std::string content = source.content;
      if (source.expand) {
        ASSIGN_OR_RETURN(content, writer.expand_heredoc(instruction, source.content));
      }
      op.source.files.emplace_back(source.name, std::move(content));
    }
  }
  ASSIGN_OR_RETURN(const std::string destination, writer.expand(instruction, copy.destination));
  const bool directory =
      destination.empty() || destination.ends_with('/') || destination == "." || destination.ends_with("/.");
  op.destination = writer.absolute(destination);
  if (directory && op.destination != "/") op.destination += '/';
  if (!copy.chown.empty()) {
    ASSIGN_OR_RETURN(op.chown, writer.expand(instruction, copy.chown));
  }
  if (!copy.chmod.empty()) {
    ASSIGN_OR_RETURN(op.chmod, writer.expand(instruction, copy.chmod));
    if (Result<dockerfile::Chmod> parsed = dockerfile::Chmod::parse(*op.chmod); !parsed)
      return fail(writer.at(instruction, parsed.error(), copy.chmod));
  }
  const std::string row = copy_history(copy, op, is_add);
  Node& node = writer.add_node(instruction);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  writer.add_history(row, node.id);
  return {};
}

}  // namespace shale::plan
