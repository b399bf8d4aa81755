// SPDX-License-Identifier: Apache-2.0
#include "cli/tty_progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/summary.h"
#include "cli/units.h"

namespace shale::cli {

namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};  // faster is flicker and work, slower looks stuck
constexpr int kWidestLine = 110;  // beyond it the eye loses the way from a step to its time
constexpr std::size_t kLongestLine =
    4096;  // of a running step's last line, of which only the screen's width is shown
constexpr std::size_t kMostItems = 6;  // download bars of one step

constexpr const char* kDim = "\033[2m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kRed = "\033[31m";
constexpr const char* kBlue = "\033[34m";
constexpr const char* kReset = "\033[0m";

// Without automatic margins a line that is wider than we think does not break, so that the count of lines
// holds.
constexpr std::string_view kMarginsOff = "\033[?7l";
constexpr std::string_view kMarginsOn = "\033[?7h";
constexpr std::string_view kHideCursor = "\033[?25l";
constexpr std::string_view kShowCursor = "\033[?25h";
constexpr std::string_view kClearLine = "\033[K";
constexpr std::string_view kClearBelow = "\033[J";

std::string bar(const StepProgress& item) {
  constexpr int kWidth = 20;
  const double part = std::min(1.0, static_cast<double>(item.current) / static_cast<double>(item.total));
  const int filled = static_cast<int>(part * kWidth);
  std::string text(static_cast<std::size_t>(kWidth), ' ');
  std::fill_n(text.begin(), filled, '=');
  if (filled < kWidth) text[static_cast<std::size_t>(filled)] = '>';
  return fmt::format("[{}]", text);
}

std::string item_line(const StepProgress& item) {
  constexpr int kNameWidth = 24;  // "sha256:" and enough of the digest
  const std::string name = fit(escape_controls(item.item), kNameWidth);
  std::string line = fmt::format(" => => {:<{}} ", name, kNameWidth);
  if (item.total == 0) return line + format_size(item.current);
  return line + fmt::format("{} {:>6} / {}", bar(item), format_size(item.current), format_size(item.total));
}

}  // namespace

void TtyProgress::Picture::add(std::string_view text, int columns, const char* color, const char* reset) {
  const std::string line = fit(text, columns);
  widths.push_back(display_width(line));
  lines.push_back(fmt::format("{}{}{}", color, line, reset));
}

TtyProgress::TtyProgress(Screen screen) : screen_(std::move(screen)) {}

const char* TtyProgress::color(const char* sequence) const {
  return screen_.colors == Colors::kKeep ? sequence : "";
}

void TtyProgress::on(const Event& event) {
  handover_.count_event();
  if (first_event_.count() < 0) first_event_ = screen_.now();
  std::visit([this](const auto& value) { handle(value); }, event);
  draw_if_due();
}

void TtyProgress::tick() { draw_if_due(); }

void TtyProgress::finish() {
  switch (handover_.finish()) {
    case Handover::Finish::kDone:
      return;
    case Handover::Finish::kStale:
      // The process that drew last is gone without a word: leave its picture, go below it.
      screen_.write(fmt::format("\n{}{}", kMarginsOn, kShowCursor));
      return;
    case Handover::Finish::kOwn:
      break;
  }
  draw({});
  std::string end;
  for (const Warning& warning : warnings_) end += '\n' + render_warning(warning, screen_.colors);
  if (!summary_.empty()) end += '\n' + summary_;
  if (failed_) end += '\n';  // the error follows
  if (cursor_hidden_) end += kShowCursor;
  cursor_hidden_ = false;
  if (!end.empty()) screen_.write(end);
}

TtyProgress::Step& TtyProgress::step(StepId id) {
  const auto [found, is_new] = steps_.try_emplace(id);
  if (is_new) found->second.start = screen_.now();
  return found->second;
}

void TtyProgress::handle(const StepStarted& event) { step(event.step).name = escape_controls(event.name); }

void TtyProgress::handle(const StepOutput& event) {
  Step& target = step(event.step);
  std::string_view bytes = event.bytes;
  auto take = [&](std::string_view line) {
    const std::string shown = filter_output(split_overwritten(line).back(), Colors::kStrip);
    if (shown.find_first_not_of(" \t") != std::string::npos) target.last_line = escape_controls(shown);
  };
  for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos;
       bytes.remove_prefix(end + 1)) {
    target.unfinished_line += bytes.substr(0, end);
    take(target.unfinished_line);
    target.unfinished_line.clear();
  }
  if (bytes.size() > kLongestLine) bytes.remove_prefix(bytes.size() - kLongestLine);
  target.unfinished_line += bytes;
  if (target.unfinished_line.size() > 2 * kLongestLine)
    target.unfinished_line.erase(0, target.unfinished_line.size() - kLongestLine);
  // A prompt, or a percentage that returns to the line's start.
  if (!target.unfinished_line.empty()) take(target.unfinished_line);
}

void TtyProgress::handle(const StepProgress& event) {
  Step& target = step(event.step);
  if (event.finished)
    target.items.erase(event.item);
  else
    target.items[event.item] = event;
}

void TtyProgress::handle(const StepNote& event) {
  if (event.detail) return;
  step(event.step).notes.push_back(escape_controls(event.text));
}

void TtyProgress::handle(const StepEnded& event) {
  const Step& ended = step(event.step);
  const int columns = std::min(screen_.size().columns - 1, kWidestLine);
  const std::string time = format_duration(event.elapsed);
  switch (event.end) {
    case StepEnd::kDone:
      commit(timed_line(" => " + ended.name, time, columns), color(kBlue));
      break;
    case StepEnd::kCached:
      commit(timed_line(" => CACHED " + ended.name, time, columns), color(kDim));
      break;
    case StepEnd::kFailed:
      failed_ = true;
      commit(timed_line(" => ERROR " + ended.name, time, columns), color(kRed));
      break;
    case StepEnd::kCancelled:
      commit(timed_line(" => CANCELED " + ended.name, time, columns), color(kDim));
      break;
  }
  for (const std::string& note : ended.notes) commit(fit(" => => " + note, columns), color(kDim));
  ++ended_;
  steps_.erase(event.step);
}

void TtyProgress::handle(const Warning& event) { warnings_.push_back(event); }

void TtyProgress::handle(const BuildSummary& event) {
  summary_ = render_summary(event, screen_.now() - first_event_, screen_.colors);
}

std::string TtyProgress::timed_line(std::string_view text, std::string_view time, int columns) const {
  const int room = columns - static_cast<int>(time.size()) - 1;
  const std::string left = fit(text, room);
  const int gap = std::max(1, columns - display_width(left) - static_cast<int>(time.size()));
  return fmt::format("{}{:{}}{}", left, "", gap, time);
}

void TtyProgress::commit(std::string_view text, const char* sequence) {
  committed_ += fmt::format("{}{}{}{}\n", sequence, text, *sequence != 0 ? kReset : "", kClearLine);
}

void TtyProgress::add_details(Picture& picture, const Step& step, int columns, std::size_t room) const {
  std::size_t items = 0;
  for (const auto& [name, item] : step.items) {
    if (items == kMostItems || picture.lines.size() >= room) break;
    picture.add(item_line(item), columns, color(kDim), color(kReset));
    ++items;
  }
  if (items > 0 || picture.lines.size() >= room) return;
  if (!step.last_line.empty())
    picture.add(" => => # " + step.last_line, columns, color(kDim), color(kReset));
  else if (!step.notes.empty())
    picture.add(" => => " + step.notes.back(), columns, color(kDim), color(kReset));
}

TtyProgress::Picture TtyProgress::running_steps(TerminalSize size) const {
  Picture picture;
  if (steps_.empty()) return picture;
  const int columns = std::min(size.columns - 1, kWidestLine);
  const auto now = screen_.now();
  // The last row is the cursor's, and one line is the status.
  const auto rows = static_cast<std::size_t>(std::max(size.rows - 2, 1));
  std::size_t left = steps_.size();
  for (const auto& [id, running] : steps_) {
    if (picture.lines.size() >= rows) break;
    picture.add(timed_line(" => " + running.name, format_duration(now - running.start), columns), columns, "",
                "");
    --left;
    // Each step that follows keeps its own line, whatever the details of this one.
    if (rows > picture.lines.size() + left) add_details(picture, running, columns, rows - left);
  }
  std::string status =
      fmt::format("[+] {}, {} done, {} running", format_duration(now - first_event_), ended_, steps_.size());
  if (left > 0) status += fmt::format(", {} hidden", left);
  picture.add(status, columns, color(kBold), color(kReset));
  return picture;
}

void TtyProgress::draw_if_due() {
  const auto now = screen_.now();
  if (last_draw_.count() >= 0 && now - last_draw_ < kRedrawInterval) return;
  last_draw_ = now;
  draw(running_steps(screen_.size()));
}

void TtyProgress::draw(const Picture& picture) {
  if (picture.lines.empty() && drawn_.empty() && committed_.empty()) return;
  std::string out;
  if (!cursor_hidden_) out += kHideCursor;
  cursor_hidden_ = true;
  // A window made narrower since has broken the old lines into several.
  const int columns = std::max(1, screen_.size().columns);
  int up = 0;
  for (const int width : drawn_) up += std::max(1, (width + columns - 1) / columns);
  if (up > 0) out += fmt::format("\r\033[{}A", up);
  out += kMarginsOff;
  out += committed_;
  committed_.clear();
  for (const std::string& line : picture.lines) {
    out += line;
    out += kClearLine;
    out += '\n';
  }
  if (!drawn_.empty()) out += kClearBelow;
  out += kMarginsOn;
  drawn_ = picture.widths;
  screen_.write(out);
}

}  // namespace shale::cli
