// SPDX-License-Identifier: Apache-2.0
#include "plan/run_instruction.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/history_text.h"
#include "plan/run_mount.h"

namespace shale::plan {

Status plan_run(StageWriter& writer, const dockerfile::Instruction& instruction, const dockerfile::Run& run) {
  RunOp op;
  dockerfile::CommandLine command = run.command;
  if (!run.heredocs.empty() && command.shell_form && !command.arguments.empty()) {
    const std::string& written = command.arguments.front();
    const dockerfile::Heredoc& first = run.heredocs.front();
    // A command line that is nothing but one heredoc: its body is the script.
    const bool alone = run.heredocs.size() == 1 && is_only_heredoc(written);
    if (alone && first.text().starts_with("#!")) {
      op.script = {first.name, first.text()};
      command.arguments = {kScriptDirectory + first.name};  // by way of the shell, as BuildKit has it
    } else if (alone) {
      command.arguments = {first.text()};
    } else {
      std::string whole = written;
      for (const dockerfile::Heredoc& heredoc : run.heredocs) whole += "\n" + heredoc.content + heredoc.name;
      command.arguments = {whole};
    }
  }
  op.args = writer.with_shell(command);
  op.env = writer.state().environment.strings();
  op.working_dir = writer.absolute(".");
  op.user = writer.stage().config.user;
  op.network = run.network == "none"   ? NetworkMode::kNone
               : run.network == "host" ? NetworkMode::kHost
                                       : writer.context().options->network;
  op.insecure = run.security == "insecure";
  if (op.insecure)
    return fail(writer.at(
        instruction,
        Error(ErrorKind::kDockerfile, "security.insecure is not allowed")
            .hint("a RUN of Shale never has more power over the host than the user who builds; remove "
                  "--security=insecure"),
        "--security"));
  std::vector<NodeId> inputs;
  int ssh_mounts = 0;
  for (const dockerfile::MountText& text : run.mounts) {
    ASSIGN_OR_RETURN(MountOp mount, plan_mount(writer, instruction, text));
    if (mount.source && mount.source->kind == FileSource::Kind::kNode && mount.source->node != kNoNode)
      inputs.push_back(mount.source->node);
    if (mount.kind == MountOp::Kind::kSsh) {
      if (mount.target.empty()) mount.target = fmt::format("/run/buildkit/ssh_agent.{}", ssh_mounts);
      ++ssh_mounts;
    }
    op.mounts.push_back(std::move(mount));
  }
  // What is mounted below another mount comes after it, however they are written.
  std::ranges::stable_sort(op.mounts, {}, &MountOp::target);
  std::string row = run_history(op.args, writer.state().arguments, writer.state().environment);
  writer.add_step(instruction, std::move(op), std::move(inputs), std::move(row));
  return {};
}

}  // namespace shale::plan
