// SPDX-License-Identifier: Apache-2.0
// The encoding of a spec: integers of 8 bytes in the machine's order, strings and lists with their length
// before them.
#include "runtime/wire.h"

#include <cstring>
#include <type_traits>

namespace shale::runtime {

namespace {

constexpr std::uint64_t kMagic = 0x31656c616873;  // "shale1"

class Writer {
 public:
  explicit Writer(EncodedSpec& out) : out_(out) {}

  template <typename T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void field(const T& value) {
    const auto wide = static_cast<std::uint64_t>(value);
    out_.bytes.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  void field(const std::string& text) {
    field(text.size());
    out_.bytes += text;
  }
  template <typename T>
  void field(const std::vector<T>& list) {
    field(list.size());
    for (const T& item : list) field(item);
  }
  void field(const ResourceLimit& limit);
  void field(const SandboxMount& mount);
  // A descriptor becomes its number in the runtime program.
  void descriptor(const int& fd) {
    if (fd < 0) return field(-1);
    field(kFirstSpecFd + static_cast<int>(out_.fds.size()));
    out_.fds.push_back(fd);
  }

 private:
  EncodedSpec& out_;
};

// Any reading past the end fails all that follows.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool done() const { return good_ && bytes_.empty(); }

  template <typename T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void field(T& value) {
    std::uint64_t wide = 0;
    if (!good_ || bytes_.size() < sizeof wide) {
      good_ = false;
      return;
    }
    std::memcpy(&wide, bytes_.data(), sizeof wide);
    bytes_.remove_prefix(sizeof wide);
    value = static_cast<T>(wide);
  }
  void field(std::string& text) {
    std::uint64_t size = 0;
    field(size);
    if (!good_ || size > bytes_.size()) {
      good_ = false;
      return;
    }
    text.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <typename T>
  void field(std::vector<T>& list) {
    std::uint64_t size = 0;
    field(size);
    // Every item has at least 8 bytes: a length that cannot be true is found before memory is asked for.
    if (!good_ || size > bytes_.size() / sizeof(std::uint64_t)) {
      good_ = false;
      return;
    }
    list.assign(size, T{});
    for (T& item : list) field(item);
  }
  void field(ResourceLimit& limit);
  void field(SandboxMount& mount);
  void descriptor(int& fd) { field(fd); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

// One list of members for both directions, so that they cannot differ.
template <typename Stream, typename Limit>
void visit_limit(Stream& stream, Limit& limit) {
  stream.field(limit.resource);
  stream.field(limit.soft);
  stream.field(limit.hard);
}

template <typename Stream, typename Mount>
void visit_mount(Stream& stream, Mount& mount) {
  stream.field(mount.kind);
  stream.field(mount.target);
  stream.descriptor(mount.fd);
  stream.field(mount.detached);
  stream.field(mount.recursive);
  stream.field(mount.read_only);
  stream.field(mount.size_bytes);
  stream.field(mount.mode);
  stream.field(mount.content);
  stream.field(mount.uid);
  stream.field(mount.gid);
  stream.field(mount.nosuid);
  stream.field(mount.nodev);
  stream.field(mount.noexec);
}

template <typename Stream, typename Spec>
void visit_spec(Stream& stream, Spec& spec) {
  stream.field(spec.isolation);
  stream.field(spec.bound_proc);
  stream.descriptor(spec.scratch_fd);
  stream.descriptor(spec.root_fd);
  stream.field(spec.mounts);
  stream.field(spec.args);
  stream.field(spec.env);
  stream.field(spec.cwd);
  stream.field(spec.uid);
  stream.field(spec.gid);
  stream.field(spec.groups);
  stream.field(spec.hostname);
  stream.field(spec.network);
  stream.descriptor(spec.network_fd);
  stream.field(spec.capabilities);
  stream.field(spec.no_new_privs);
  stream.field(spec.seccomp_programs);
  stream.field(spec.seccomp_required);
  stream.field(spec.limits);
  stream.descriptor(spec.cgroup_fd);
  stream.field(spec.shm_bytes);
  stream.field(spec.masked_paths);
  stream.field(spec.read_only_paths);
  stream.field(spec.oom_score_adj);
  stream.field(spec.emulate_ids);
  stream.field(spec.owner_journal);
  stream.descriptor(spec.journal_fd);
  stream.descriptor(spec.stdout_fd);
  stream.descriptor(spec.stderr_fd);
}

void Writer::field(const ResourceLimit& limit) { visit_limit(*this, limit); }
void Writer::field(const SandboxMount& mount) { visit_mount(*this, mount); }
void Reader::field(ResourceLimit& limit) { visit_limit(*this, limit); }
void Reader::field(SandboxMount& mount) { visit_mount(*this, mount); }

}  // namespace

EncodedSpec encode(const SandboxSpec& spec) {
  EncodedSpec out;
  Writer writer(out);
  writer.field(kMagic);
  visit_spec(writer, spec);
  return out;
}

std::optional<SandboxSpec> decode(std::string_view bytes) {
  Reader reader(bytes);
  std::uint64_t magic = 0;
  reader.field(magic);
  SandboxSpec spec;
  visit_spec(reader, spec);
  if (magic != kMagic || !reader.done()) return std::nullopt;
  return spec;
}

}  // namespace shale::runtime
