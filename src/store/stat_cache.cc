// SPDX-License-Identifier: Apache-2.0
#include "store/stat_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstring>

#include "store/store.h"
#include "sys/files.h"

namespace shale::store {

namespace {

// The file: this header, then the entries, both as this machine lays them out. A machine of the other byte
// order sees another magic number and starts anew.
struct Header {
  std::uint64_t magic = 0x3174617473656c61;  // "alestat1"
  std::uint64_t count = 0;
  std::uint64_t checksum = 0;
};

constexpr std::int64_t kSecond = 1'000'000'000;
// File times come from a clock that advances once per timer tick, at most 10 ms (HZ=100); twice that for the
// rounding at both ends.
constexpr std::int64_t kFineGranule = 20'000'000;
// FAT counts in steps of two seconds; a server's clock is not ours.
constexpr std::int64_t kCoarseGranule = 2 * kSecond;
// Asked-for entries may be outnumbered by this many others (another target of the same context) before those
// go.
constexpr std::size_t kStaleEntries = 1024;

std::int64_t to_ns(const struct timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

// Catches torn and zeroed blocks, not malice: whoever can write here owns the store.
std::uint64_t checksum_of(std::string_view bytes) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;  // the golden ratio's bits, so that zeros do not sum up to zero
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    hash = (hash ^ word) * 0xff51afd7ed558ccd;  // MurmurHash3's finaliser
    hash ^= hash >> 32;
  }
  return hash;
}

std::int64_t granule_of(int context_fd) {
  constexpr unsigned kCifs = 0xFF534D42;
  constexpr unsigned kSmb2 = 0xFE534D42;
  constexpr unsigned kFuse = 0x65735546;
  struct statfs info{};
  if (::fstatfs(context_fd, &info) != 0) return kCoarseGranule;
  switch (static_cast<unsigned>(info.f_type)) {
    case MSDOS_SUPER_MAGIC:
    case NFS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case kCifs:
    case kSmb2:
    case kFuse:
      return kCoarseGranule;
    default:
      return kFineGranule;
  }
}

}  // namespace

StatCache StatCache::load(const Store& store, const std::string& context_path, int context_fd) {
  StatCache cache;
  cache.file_ = "statcache/" + Digest::of(context_path).hex().substr(0, 32);
  cache.granule_ns_ = granule_of(context_fd);
  const Result<std::string> bytes = sys::read_file(store.root_fd(), cache.file_, std::size_t{1} << 30);
  Header header;
  Header expected;
  if (bytes && bytes->size() >= sizeof header) {
    std::memcpy(&header, bytes->data(), sizeof header);
    const std::string_view body = std::string_view(*bytes).substr(sizeof header);
    if (header.magic == expected.magic && header.count == body.size() / sizeof(Entry) &&
        body.size() % sizeof(Entry) == 0 && header.checksum == checksum_of(body)) {
      cache.entries_.resize(header.count);
      std::memcpy(cache.entries_.data(), body.data(), body.size());
    }
  }
  cache.seen_.assign(cache.entries_.size(), false);
  cache.reindex();
  return cache;
}

std::size_t StatCache::slot_of(std::uint64_t device, std::uint64_t inode) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(((inode ^ (device << 32)) * 0x9e3779b97f4a7c15) >> 20) & mask;
  for (;; slot = (slot + 1) & mask) {
    const std::uint32_t index = slots_[slot];
    if (index == 0) return slot;
    const Entry& entry = entries_[index - 1];
    if (entry.inode == inode && entry.device == device) return slot;
  }
}

void StatCache::reindex() {
  std::size_t wanted = 64;
  while (wanted < entries_.size() * 2 + 2) wanted *= 2;
  slots_.assign(wanted, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    slots_[slot_of(entries_[i].device, entries_[i].inode)] = static_cast<std::uint32_t>(i + 1);
}

bool StatCache::describes(const Entry& entry, const struct stat& info) {
  return entry.size == static_cast<std::uint64_t>(info.st_size) && entry.mtime_ns == to_ns(info.st_mtim) &&
         entry.ctime_ns == to_ns(info.st_ctim) && entry.mode == info.st_mode;
}

std::optional<Digest> StatCache::find(const struct stat& info) {
  const std::uint32_t index = slots_[slot_of(info.st_dev, info.st_ino)];
  if (index == 0 || !describes(entries_[index - 1], info)) return std::nullopt;
  if (!seen_[index - 1]) {
    seen_[index - 1] = true;
    ++seen_count_;
  }
  return Digest(entries_[index - 1].digest);
}

struct timespec StatCache::now() {
  struct timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

void StatCache::put(const struct stat& info, const Digest& digest, const struct timespec& started) {
  // Whole seconds in both times: most likely the file system keeps no more (HFS+, ext4 with small inodes).
  const bool whole_seconds = info.st_mtim.tv_nsec == 0 && info.st_ctim.tv_nsec == 0;
  const std::int64_t granule = whole_seconds ? std::max(granule_ns_, kSecond) : granule_ns_;
  const std::int64_t newest = std::max(to_ns(info.st_mtim), to_ns(info.st_ctim));
  if (newest + granule > to_ns(started)) return;

  Entry entry{.device = info.st_dev,
              .inode = info.st_ino,
              .size = static_cast<std::uint64_t>(info.st_size),
              .mtime_ns = to_ns(info.st_mtim),
              .ctime_ns = to_ns(info.st_ctim),
              .mode = info.st_mode,
              .reserved = 0,
              .digest = digest.bytes()};
  changed_ = true;
  const std::size_t slot = slot_of(info.st_dev, info.st_ino);
  if (const std::uint32_t index = slots_[slot]; index != 0) {
    entries_[index - 1] = entry;
    if (!seen_[index - 1]) ++seen_count_;
    seen_[index - 1] = true;
    return;
  }
  entries_.push_back(entry);
  seen_.push_back(true);
  ++seen_count_;
  if (entries_.size() * 2 > slots_.size()) {
    reindex();
  } else {
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  }
}

Status StatCache::save(const Store& store) {
  const bool stale = entries_.size() > 2 * seen_count_ + kStaleEntries;
  if (!changed_ && !stale) return {};
  if (stale) {
    std::vector<Entry> kept;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (seen_[i]) kept.push_back(entries_[i]);
    entries_ = std::move(kept);
    seen_.assign(entries_.size(), true);
    reindex();
  }
  std::string bytes(sizeof(Header), '\0');
  bytes.append(reinterpret_cast<const char*>(entries_.data()), entries_.size() * sizeof(Entry));
  Header header;
  header.count = entries_.size();
  header.checksum = checksum_of(std::string_view(bytes).substr(sizeof header));
  std::memcpy(bytes.data(), &header, sizeof header);
  RETURN_IF_ERROR(sys::replace_file(store.root_fd(), file_, bytes, 0600));
  changed_ = false;
  return {};
}

}  // namespace shale::store
