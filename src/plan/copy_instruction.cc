// SPDX-License-Identifier: Apache-2.0
#include "plan/copy_instruction.h"

#include <fmt/format.h>

#include "dockerfile/chmod.h"
#include "plan/git_reference.h"
#include "plan/history_text.h"
#include "plan/paths.h"
#include "plan/remote_files.h"

namespace shale::plan {

namespace {

using dockerfile::Instruction;

// --checksum, which is about one source from the network.
Status check_checksum(const StageWriter& writer, const Instruction& instruction, const std::string& checksum,
                      std::size_t sources, bool is_http) {
  if (sources != 1)
    return fail(writer.at(instruction,
                          Error(ErrorKind::kDockerfile, "checksum can't be specified for multiple sources"),
                          "--checksum"));
  if (!is_http) return {};
  const std::size_t colon = checksum.find(':');
  if (colon == std::string::npos)
    return fail(
        writer.at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), checksum));
  if (checksum.substr(0, colon) != "sha256")
    return fail(writer.at(
        instruction,
        Error(ErrorKind::kDockerfile, "unsupported digest algorithm").hint("write sha256:<64 hex digits>"),
        checksum));
  if (!Digest::parse(checksum))
    return fail(
        writer.at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), checksum));
  return {};
}

// What an ADD says about its remote sources beside their addresses.
struct RemoteFlags {
  std::string checksum;
  std::optional<bool> keep_git_dir;
};

// The operation that fetches `source`; nullopt if that is a path.
Result<std::optional<RemoteOp>> remote_of(const StageWriter& writer, const Instruction& instruction,
                                          const std::string& source, const RemoteFlags& flags) {
  const auto refuse = [&](const Error& error) {
    return fail(writer.at(instruction, Error(ErrorKind::kDockerfile, error.message()), source));
  };
  Result<std::optional<GitReference>> git = parse_git_reference(source);
  if (!git) return refuse(git.error());
  if (*git && !(*git)->may_be_path) {
    GitOp op{.reference = std::move(**git), .keep_git_dir = false};
    if (!flags.checksum.empty())
      if (const Status set = set_checksum(op.reference, flags.checksum); !set) return refuse(set.error());
    const std::optional<bool>& asked = op.reference.keep_git_dir;
    if (asked && flags.keep_git_dir && *asked != *flags.keep_git_dir)
      return refuse(Error(ErrorKind::kDockerfile, "the address and --keep-git-dir contradict each other"));
    op.keep_git_dir = asked.value_or(flags.keep_git_dir.value_or(false));
    return RemoteOp(std::move(op));
  }
  if (source.starts_with("http://") || source.starts_with("https://"))
    return RemoteOp(
        HttpOp{.url = source, .file_name = name_of_url(source), .checksum = flags.checksum, .unpack = false});
  return std::optional<RemoteOp>();
}

// Where an exception may bring something of it back, what is copied may be a part of what is ignored: nothing
// is said then. The context itself is no file that could be ignored.
void warn_ignored(StageWriter& writer, const Instruction& instruction, const std::string& written,
                  const std::string& path, bool is_add) {
  const auto& ignore = writer.context().options->ignore;
  if (ignore == nullptr) return;
  const std::string inside = clean_path(path).substr(1);
  if (inside.empty() ? !ignore->ignores_root() : !ignore->matches(inside)) return;
  if (ignore->may_bring_back(inside)) return;
  const std::string shown = path.starts_with('/') ? "/" + inside : inside.empty() ? "." : inside;
  writer.warn(instruction, "CopyIgnoredFile", written, {is_add ? "Add" : "Copy", shown});
}

// The sources of one instruction: paths, and addresses with the nodes that fetch them. `words` gets all of
// them in their order.
Status plan_sources(StageWriter& writer, const Instruction& instruction, const dockerfile::Copy& copy,
                    CopyOp& op, std::vector<NodeId>& inputs, std::vector<std::string>& words) {
  RemoteFlags flags{.checksum = {}, .keep_git_dir = copy.keep_git_dir};
  if (!copy.checksum.empty()) {
    ASSIGN_OR_RETURN(flags.checksum, writer.expand(instruction, copy.checksum));
  }
  for (const std::string& source : copy.sources) {
    ASSIGN_OR_RETURN(std::string path, writer.expand(instruction, source));
    words.push_back(path);
    std::optional<RemoteOp> remote;
    if (copy.from.empty()) {
      ASSIGN_OR_RETURN(remote, remote_of(writer, instruction, path, flags));
    }
    if (!remote) {
      if (copy.from.empty()) warn_ignored(writer, instruction, source, path, op.is_add);
      op.paths.push_back(std::move(path));
      continue;
    }
    const auto* http = std::get_if<HttpOp>(&*remote);
    if (!op.is_add)
      return fail(
          writer.at(instruction,
                    Error(ErrorKind::kDockerfile, http != nullptr ? "source can't be a URL for COPY"
                                                                  : "source can't be a git ref for COPY")
                        .hint("ADD fetches it"),
                    source));
    if (!flags.checksum.empty())
      RETURN_IF_ERROR(
          check_checksum(writer, instruction, flags.checksum, copy.sources.size(), http != nullptr));
    const std::string file_name = http != nullptr ? http->file_name : std::string();
    const NodeId node = writer.add_remote_node(instruction, *remote);
    inputs.push_back(node);
    op.remotes.push_back(
        {.url = without_login(path), .node = node, .file_name = file_name, .before = op.paths.size()});
  }
  if (!flags.checksum.empty() && op.remotes.empty())
    return fail(writer.at(instruction,
                          Error(ErrorKind::kDockerfile,
                                op.paths.size() == 1 ? "checksum requires HTTP(S) or Git sources"
                                                     : "checksum can't be specified for multiple sources"),
                          "--checksum"));
  return {};
}

// The files that heredocs are.
Status plan_heredocs(StageWriter& writer, const Instruction& instruction, const dockerfile::Copy& copy,
                     FileSource& source) {
  for (const dockerfile::InlineSource& heredoc : copy.inline_sources) {
    std::string content = heredoc.content;
    if (heredoc.expand) {
      ASSIGN_OR_RETURN(content, writer.expand_heredoc(instruction, heredoc.content));
    }
    const std::string name = clean_path(heredoc.name).substr(1);
    if (name.empty() || name.contains('/'))
      return fail(writer.at(
          instruction,
          Error(ErrorKind::kDockerfile, fmt::format("a heredoc cannot be the file '{}'", heredoc.name))
              .hint("its word is the name of a file; say in the destination where it goes"),
          "<<"));
    // Of heredocs with one name the last one counts.
    std::erase_if(source.files, [&](const auto& earlier) { return earlier.first == name; });
    source.files.emplace_back(name, std::move(content));
  }
  return {};
}

}  // namespace

Status plan_copy(StageWriter& writer, const dockerfile::Instruction& instruction,
                 const dockerfile::Copy& copy, bool is_add) {
  CopyOp op;
  op.is_add = is_add;
  op.exclude = copy.exclude;
  op.link = copy.link;
  op.parents = copy.parents;
  op.unpack = copy.unpack;
  std::vector<NodeId> inputs;
  if (!copy.from.empty()) {
    ASSIGN_OR_RETURN(const Target target,
                     writer.context().graph->find(copy.from, writer.stage().index, true));
    ASSIGN_OR_RETURN(op.source, writer.context().source_of(target, instruction));
    if (op.source.kind == FileSource::Kind::kNode && op.source.node != kNoNode)
      inputs.push_back(op.source.node);
  }
  std::vector<std::string> words;
  RETURN_IF_ERROR(plan_sources(writer, instruction, copy, op, inputs, words));
  if (!copy.inline_sources.empty()) {
    if (op.paths.empty() && op.remotes.empty()) op.source.kind = FileSource::Kind::kInline;
    RETURN_IF_ERROR(plan_heredocs(writer, instruction, copy, op.source));
  }
  ASSIGN_OR_RETURN(const std::string destination, writer.expand(instruction, copy.destination));
  const bool directory =
      destination.empty() || destination.ends_with('/') || destination == "." || destination.ends_with("/.");
  op.destination = writer.absolute(destination);
  if (directory && op.destination != "/") op.destination += '/';
  // A flag whose variables leave nothing of it is not given.
  if (!copy.chown.empty()) {
    ASSIGN_OR_RETURN(op.chown, writer.expand(instruction, copy.chown));
    if (op.chown->empty()) op.chown.reset();
  }
  if (!copy.chmod.empty()) {
    ASSIGN_OR_RETURN(op.chmod, writer.expand(instruction, copy.chmod));
    if (op.chmod->empty()) op.chmod.reset();
  }
  if (op.chmod) {
    if (Result<dockerfile::Chmod> parsed = dockerfile::Chmod::parse(*op.chmod); !parsed)
      return fail(writer.at(instruction, parsed.error(), copy.chmod));
  }
  std::string row = copy_history(copy, op, words, destination);
  writer.add_step(instruction, std::move(op), std::move(inputs), std::move(row));
  return {};
}

}  // namespace shale::plan
