// SPDX-License-Identifier: Apache-2.0
#include "registry/event_writer.h"

#include <unistd.h>

#include "sys/files.h"

namespace shale::registry {

void EventWriter::write(const Json& event) {
  const std::string line = dump_json(event) + "\n";
  const std::lock_guard lock(mutex_);
  if (!sys::write_all(fd_, line)) ::_exit(1);
}

void EventWriter::progress(const Digest& digest, std::uint64_t current, std::uint64_t total) {
  constexpr std::chrono::milliseconds kInterval{100};
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    auto& last = last_[digest];
    if (now - last < kInterval) return;
    last = now;
  }
  write({{"type", "progress"}, {"digest", digest.to_string()}, {"current", current}, {"total", total}});
}

void EventWriter::warning(const std::string& text) { write({{"type", "warning"}, {"text", text}}); }

void EventWriter::error(const Error& error) { write({{"type", "error"}, {"error", error.serialize()}}); }

}  // namespace shale::registry
