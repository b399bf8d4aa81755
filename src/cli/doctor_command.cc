// SPDX-License-Identifier: Apache-2.0
// shale doctor and shale info.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/terminal.h"
#include "shale/doctor.h"

namespace shale::cli {

namespace {

const char* state_word(HostFinding::State state) {
  switch (state) {
    case HostFinding::State::kGood:
      return "ok";
    case HostFinding::State::kLimited:
      return "missing";
    case HostFinding::State::kBad:
      return "NO";
    case HostFinding::State::kInfo:
      break;
  }
  return "info";
}

const char* isolation_text(const HostReport& report) {
  switch (report.isolation) {
    case Isolation::kFull:
      return "user namespace with a range of ids";
    case Isolation::kSingle:
      return "user namespace with one id, owners are emulated";
    case Isolation::kMountNamespace:
      return "mount namespace only, RUN has the ids of the host";
    case Isolation::kChroot:
      return "chroot only, RUN is kept apart from nothing in this container";
    case Isolation::kNone:
      break;
  }
  return "no command can be run, Dockerfiles without RUN can be built";
}

const char* snapshotter_text(Snapshotter snapshotter) {
  switch (snapshotter) {
    case Snapshotter::kOverlay:
      return "overlayfs";
    case Snapshotter::kTmpfs:
      return "overlayfs, with what a command writes in memory until it ends";
    case Snapshotter::kClone:
      break;
  }
  return "copies of the layers";
}

std::string as_json(const HostReport& report, bool findings) {
  std::string out = fmt::format(
      "{{\n  \"version\": {},\n  \"kernel\": {},\n  \"storeRoot\": {},\n  \"storeFileSystem\": {},\n  "
      "\"isolation\": "
      "{},\n  \"boundProc\": {},\n  \"snapshots\": {},\n  \"why\": {}",
      json_quote(report.version), json_quote(report.kernel), json_quote(report.store_root),
      json_quote(report.store_file_system), json_quote(isolation_name(report.isolation)), report.bound_proc,
      json_quote(snapshotter_name(report.snapshotter)), json_quote(report.why));
  if (findings) {
    out += fmt::format(",\n  \"probeMilliseconds\": {:.1f},\n  \"findings\": [", report.probe_milliseconds);
    const char* separator = "\n";
    for (const HostFinding& finding : report.findings) {
      out += fmt::format("{}    {{\"name\": {}, \"state\": {}, \"text\": {}, \"remedy\": {}}}", separator,
                         json_quote(finding.name), json_quote(state_word(finding.state)),
                         json_quote(finding.text), json_quote(finding.remedy));
      separator = ",\n";
    }
    out += "\n  ]";
  }
  return out + "\n}\n";
}

std::string summary_of(const HostReport& report) {
  // The first reason is about the first thing that could be better.
  std::string why = report.why.empty() ? "" : fmt::format("   because: {}\n", report.why);
  const auto explain = [&](bool about_this) { return about_this ? std::exchange(why, {}) : std::string(); };
  std::string out =
      fmt::format(" isolation: {} ({})\n", isolation_name(report.isolation), isolation_text(report));
  out += explain(report.isolation != Isolation::kFull);
  if (report.bound_proc) out += "   /proc: the one that is here\n";
  out += explain(report.bound_proc);
  if (report.isolation != Isolation::kNone)
    out += fmt::format(" snapshots: {}\n", snapshotter_text(report.snapshotter));
  out += explain(true);
  out += fmt::format(" store: {} ({})\n", report.store_root, report.store_file_system);
  return out;
}

}  // namespace

Status doctor_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const HostReport report, examine_host(line.value("root")));
  if (line.flag("json")) return write_stdout(as_json(report, true));
  std::string out = "A build here has\n" + summary_of(report) + "\n";
  std::size_t width = 0;
  for (const HostFinding& finding : report.findings) width = std::max(width, finding.name.size());
  for (const HostFinding& finding : report.findings) {
    out += fmt::format("{:<8} {:<{}}  {}\n", state_word(finding.state), finding.name, width, finding.text);
    if (!finding.remedy.empty()) out += fmt::format("{:<8} {:<{}}  -> {}\n", "", "", width, finding.remedy);
  }
  return write_stdout(filter_lines(out, Colors::kStrip));
}

Status info_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const HostReport report, examine_host(line.value("root")));
  if (line.flag("json")) return write_stdout(as_json(report, false));
  return write_stdout(
      fmt::format(" version: {}\n kernel: {}\n{}", report.version, report.kernel, summary_of(report)));
}

}  // namespace shale::cli
