// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_progress.h"

#include <fmt/format.h>

#include "cli/summary.h"
#include "cli/units.h"

namespace shale::cli {

namespace {

// A line longer than this is broken: a command that writes no line end must not fill our memory.
constexpr std::size_t kLongestLine = std::size_t{256} << 10;
// Downloads report themselves about this often, as a log is read later.
constexpr std::chrono::seconds kItemInterval{5};

}  // namespace

PlainProgress::PlainProgress(Screen screen) : screen_(std::move(screen)) {}

void PlainProgress::on(const Event& event) {
  handover_.count_event();
  if (first_event_.count() < 0) first_event_ = screen_.now();
  std::visit([this](const auto& value) { handle(value); }, event);
  flush();
}

void PlainProgress::finish() {
  if (handover_.finish() != Handover::Finish::kOwn) return;
  for (const auto& [id, unfinished] : steps_)
    for (const std::string& line : unfinished.unfinished_lines)
      if (!line.empty()) output_line(id, unfinished, line);
  for (const Warning& warning : warnings_) {
    if (anything_written_ || !pending_.empty()) pending_ += '\n';
    pending_ += render_warning(warning, Colors::kStrip);
  }
  if (!summary_.empty()) {
    if (anything_written_ || !pending_.empty()) pending_ += '\n';
    pending_ += summary_;
  }
  if (failed_) pending_ += '\n';  // the error follows
  flush();
}

PlainProgress::Step& PlainProgress::step(StepId id) {
  const auto [found, is_new] = steps_.try_emplace(id);
  if (is_new) found->second.start = screen_.now();
  return found->second;
}

void PlainProgress::handle(const StepStarted& event) {
  step(event.step).start = screen_.now();
  if (anything_written_) pending_ += '\n';
  pending_ += fmt::format("#{} {}\n", event.step, escape_controls(event.name));
}

void PlainProgress::handle(const StepOutput& event) {
  Step& target = step(event.step);
  std::string& buffer = target.unfinished_lines[event.stream == 2 ? 1 : 0];
  std::string_view rest = event.bytes;
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    buffer += rest.substr(0, end);
    output_line(event.step, target, buffer);
    buffer.clear();
  }
  buffer += rest;
  while (buffer.size() > kLongestLine) {
    std::size_t cut = kLongestLine;
    while (cut > 0 && (static_cast<unsigned char>(buffer[cut]) & 0xC0U) == 0x80)
      --cut;  // not inside a character
    if (cut == 0) cut = kLongestLine;
    output_line(event.step, target, std::string_view(buffer).substr(0, cut));
    buffer.erase(0, cut);
  }
}

void PlainProgress::output_line(StepId id, const Step& step, std::string_view line) {
  const double seconds = std::chrono::duration<double>(screen_.now() - step.start).count();
  for (const std::string_view part : split_overwritten(line))
    pending_ += fmt::format("#{} {:.3f} {}\n", id, seconds, filter_output(part, screen_.colors));
}

void PlainProgress::handle(const StepProgress& event) {
  Step& target = step(event.step);
  const auto now = screen_.now();
  const auto shown = target.item_shown.find(event.item);
  if (!event.finished) {
    // The first report only starts the clock: what takes less than an interval is shown once, when it is
    // done.
    if (shown == target.item_shown.end()) {
      target.item_shown[event.item] = now;
      return;
    }
    if (now - shown->second < kItemInterval) return;
    shown->second = now;
  }
  std::string amount = format_size(event.current);
  if (event.total > 0 && !event.finished) amount += fmt::format(" / {}", format_size(event.total));
  pending_ += fmt::format("#{} {} {}{}\n", event.step, escape_controls(event.item), amount,
                          event.finished ? " done" : "");
}

void PlainProgress::handle(const StepNote& event) {
  pending_ += fmt::format("#{} {}\n", event.step, escape_controls(event.text));
}

void PlainProgress::handle(const StepEnded& event) {
  const Step& ended = step(event.step);
  for (const std::string& line : ended.unfinished_lines)
    if (!line.empty()) output_line(event.step, ended, line);
  std::string result;
  switch (event.end) {
    case StepEnd::kDone:
      result = fmt::format("DONE {}", format_seconds(event.elapsed));
      break;
    case StepEnd::kCached:
      result = "CACHED";
      break;
    case StepEnd::kFailed:
      failed_ = true;
      result = fmt::format("ERROR: {}", escape_controls(event.message));
      break;
    case StepEnd::kCancelled:
      result = "CANCELED";
      break;
  }
  pending_ += fmt::format("#{} {}\n", event.step, result);
  steps_.erase(event.step);
}

void PlainProgress::handle(const Warning& event) { warnings_.push_back(event); }

void PlainProgress::handle(const BuildSummary& event) {
  summary_ = render_summary(event, screen_.now() - first_event_, Colors::kStrip);
}

void PlainProgress::flush() {
  if (pending_.empty()) return;
  screen_.write(pending_);
  pending_.clear();
  anything_written_ = true;
}

}  // namespace shale::cli
