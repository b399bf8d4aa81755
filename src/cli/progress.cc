// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "cli/plain_progress.h"
#include "cli/tty_progress.h"
#include "shale/suggest.h"

namespace shale::cli {

namespace {

class QuietProgress final : public EventSink {
 public:
  void on(const Event&) override {}
};

}  // namespace

Screen standard_screen() {
  const char* no_color = std::getenv("NO_COLOR");
  return {.write = [](std::string_view text) { write_stderr(text); },
          .size = [] { return terminal_size(STDERR_FILENO); },
          .now = [] { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); },
          .colors = no_color != nullptr && *no_color != 0 ? Colors::kStrip : Colors::kKeep};
}

Result<ProgressMode> parse_progress_mode(std::string_view name, bool quiet) {
  if (const char* usual = std::getenv("BUILDKIT_PROGRESS"); name.empty() && usual != nullptr) name = usual;
  const std::vector<std::string> names = {"auto", "tty", "plain", "quiet"};
  ProgressMode mode = ProgressMode::kPlain;
  if (name.empty() || name == "auto")
    mode = is_terminal(STDERR_FILENO) ? ProgressMode::kTty : ProgressMode::kPlain;
  else if (name == "tty")
    mode = ProgressMode::kTty;
  else if (name == "plain")
    mode = ProgressMode::kPlain;
  else if (name == "quiet" || name == "none")
    mode = ProgressMode::kQuiet;
  else {
    Error error(ErrorKind::kUsage,
                name == "rawjson" ? std::string("there is no progress type 'rawjson': Shale has no stream of "
                                                "BuildKit's events")
                                  : fmt::format("unknown progress type '{}'", name));
    hint_nearest(error, name, names);
    error.add_hint("--progress takes auto, tty, plain or quiet");
    return fail(std::move(error));
  }
  return quiet ? ProgressMode::kQuiet : mode;
}

std::unique_ptr<EventSink> make_progress(ProgressMode mode, Screen screen) {
  switch (mode) {
    case ProgressMode::kTty:
      return std::make_unique<TtyProgress>(std::move(screen));
    case ProgressMode::kPlain:
      return std::make_unique<PlainProgress>(std::move(screen));
    case ProgressMode::kQuiet:
      break;
  }
  return std::make_unique<QuietProgress>();
}

Handover::Handover() {
  void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();  // as for any other memory
  shared_ = new (page) Shared{};
}

Handover::~Handover() { munmap(shared_, sizeof(Shared)); }

void Handover::count_event() {
  ++seen_;
  shared_->events.fetch_add(1, std::memory_order_relaxed);
}

Handover::Finish Handover::finish() {
  if (shared_->finished.exchange(true)) return Finish::kDone;
  return shared_->events.load() == seen_ ? Finish::kOwn : Finish::kStale;
}

}  // namespace shale::cli
