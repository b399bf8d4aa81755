// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"

#include <fmt/format.h>

#include "cli/call_report.h"
#include "cli/terminal.h"
#include "shale/inspect.h"
#include "shale/suggest.h"

namespace shale::cli {

namespace {

Result<CallRequest::Kind> parse_kind(const std::string& name) {
  if (name == "build" || name.empty()) return CallRequest::Kind::kBuild;
  if (name == "check" || name == "lint") return CallRequest::Kind::kCheck;
  if (name == "outline") return CallRequest::Kind::kOutline;
  if (name == "targets") return CallRequest::Kind::kTargets;
  Error error(ErrorKind::kUsage, fmt::format("unknown method '{}' in --call", name));
  const std::vector<std::string> known = {"build", "check", "lint", "outline", "targets"};
  if (!hint_nearest(error, name, known)) error.add_hint("--call takes build, check, outline or targets");
  return fail(std::move(error));
}

Result<bool> parse_flag(std::string_view value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return fail(ErrorKind::kUsage, fmt::format("'{}' is neither true nor false", value));
}

Status parse_attribute(CallRequest& request, std::string_view key, std::string_view value) {
  if (key == "format" && (value == "json" || value == "text")) {
    request.json = value == "json";
    return {};
  }
  if (key == "format")
    return fail(Error(ErrorKind::kUsage, fmt::format("unknown format '{}' in --call", value))
                    .hint("the format is text or json"));
  if (key == "ignorestatus") {
    Result<bool> flag = parse_flag(value);
    if (!flag) return fail(std::move(flag.error()).context("in --call"));
    request.ignore_status = *flag;
    return {};
  }
  return fail(Error(ErrorKind::kUsage, fmt::format("unknown key '{}' in --call", key))
                  .hint("for example --call=check,format=json"));
}

}  // namespace

Result<CallRequest> parse_call(const CommandLine& line) {
  CallRequest request;
  if (line.flag("check")) request.kind = CallRequest::Kind::kCheck;
  if (!line.has("call") && !line.has("print")) return request;
  const std::string text = line.value(line.has("call") ? "call" : "print");
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string part = text.substr(start, end - start);
    start = end + 1;
    if (const std::size_t equals = part.find('='); equals != std::string::npos) {
      RETURN_IF_ERROR(parse_attribute(request, std::string_view(part).substr(0, equals),
                                      std::string_view(part).substr(equals + 1)));
      continue;
    }
    ASSIGN_OR_RETURN(const CallRequest::Kind kind, parse_kind(part));
    if (line.flag("check") && kind != CallRequest::Kind::kCheck)
      return fail(Error(ErrorKind::kUsage, fmt::format("--check and --call={} contradict each other", part))
                      .hint("leave one of them out"));
    request.kind = kind;
  }
  return request;
}

Result<int> run_call(const CallRequest& call, const BuildRequest& request, EventSink& progress) {
  switch (call.kind) {
    case CallRequest::Kind::kBuild:
      break;
    case CallRequest::Kind::kCheck: {
      Result<CheckReport> report = check_build(request, progress);
      progress.finish();
      if (!report) return fail(std::move(report.error()));
      RETURN_IF_ERROR(write_stdout(call.json ? to_json(*report) : render_check(*report)));
      if (report->error && !call.json) return fail(std::move(*report->error));
      const bool found = report->error || !report->warnings.empty();
      return found && !call.ignore_status ? 1 : 0;
    }
    case CallRequest::Kind::kOutline: {
      Result<Outline> outline = outline_build(request, progress);
      progress.finish();
      if (!outline) return fail(std::move(outline.error()));
      RETURN_IF_ERROR(write_stdout(call.json ? to_json(*outline) : render_outline(*outline)));
      return 0;
    }
    case CallRequest::Kind::kTargets: {
      Result<TargetList> list = list_targets(request, progress);
      progress.finish();
      if (!list) return fail(std::move(list.error()));
      RETURN_IF_ERROR(write_stdout(call.json ? to_json(*list) : render_targets(*list)));
      return 0;
    }
  }
  return fail(ErrorKind::kInternal, "a build was run as a call");
}

}  // namespace shale::cli
