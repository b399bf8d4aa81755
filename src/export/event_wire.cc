// SPDX-License-Identifier: Apache-2.0
// Events as JSON and back.
#include "export/event_wire.h"

#include <chrono>

namespace shale::exporter {

namespace {

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace

std::optional<Json> event_to_json(const Event& event) {
  using Out = std::optional<Json>;
  return std::visit(Overloaded{
                        [](const StepStarted& e) -> Out {
                          return Json{{"event", "started"}, {"step", e.step}, {"name", e.name}};
                        },
                        [](const StepOutput&) -> Out { return {}; },
                        [](const StepProgress& e) -> Out {
                          return Json{{"event", "progress"},  {"step", e.step},   {"item", e.item},
                                      {"current", e.current}, {"total", e.total}, {"finished", e.finished}};
                        },
                        [](const StepNote& e) -> Out {
                          return Json{{"event", "note"}, {"step", e.step}, {"text", e.text}};
                        },
                        [](const StepEnded& e) -> Out {
                          return Json{{"event", "ended"},
                                      {"step", e.step},
                                      {"end", static_cast<int>(e.end)},
                                      {"elapsed_ns", static_cast<std::int64_t>(e.elapsed.count())},
                                      {"message", e.message},
                                      {"log", e.log_path}};
                        },
                        [](const Warning& e) -> Out {
                          return Json{{"event", "warning"},  {"rule", e.rule},      {"text", e.text},
                                      {"file", e.span.file}, {"line", e.span.line}, {"excerpt", e.excerpt}};
                        },
                        [](const BuildSummary&) -> Out { return {}; },
                    },
                    event);
}

std::optional<Event> event_from_json(const Json& json) {
  const std::string kind = json_string(json, "event");
  const auto step = static_cast<StepId>(json_int(json, "step"));
  if (kind == "started") return StepStarted{.step = step, .name = json_string(json, "name")};
  if (kind == "progress")
    return StepProgress{.step = step,
                        .item = json_string(json, "item"),
                        .current = static_cast<std::uint64_t>(json_int(json, "current")),
                        .total = static_cast<std::uint64_t>(json_int(json, "total")),
                        .finished = json_bool(json, "finished")};
  if (kind == "note") return StepNote{.step = step, .text = json_string(json, "text")};
  if (kind == "ended")
    return StepEnded{.step = step,
                     .end = static_cast<StepEnd>(json_int(json, "end")),
                     .elapsed = std::chrono::nanoseconds(json_int(json, "elapsed_ns")),
                     .message = json_string(json, "message"),
                     .log_path = json_string(json, "log")};
  if (kind == "warning")
    return Warning{
        .rule = json_string(json, "rule"),
        .text = json_string(json, "text"),
        .span = {.file = json_string(json, "file"), .line = static_cast<int>(json_int(json, "line"))},
        .excerpt = json_string(json, "excerpt")};
  return std::nullopt;
}

}  // namespace shale::exporter
