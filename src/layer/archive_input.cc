// SPDX-License-Identifier: Apache-2.0
// Reading, hashing and decompressing: ISA-L for gzip, libzstd for zstd, libarchive's filters for bzip2 and
// xz.
#include "layer/archive_input.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "sys/thread.h"

namespace shale::layer {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kQueuedBuffers = 4;
constexpr std::size_t kSniffBytes = 512;
// 128 MiB, what zstd's own command line accepts by default: a larger window is a way to take our memory.
constexpr int kMaxZstdWindowLog = 27;

Error damaged(StreamFormat format, std::string_view detail) {
  return Error(ErrorKind::kCorrupt,
               fmt::format("the {} stream is damaged: {}", stream_format_name(format), detail));
}

}  // namespace

// The bytes as they come.
class ArchiveInput::Wire {
 public:
  Wire(const ArchiveInputOptions& options, std::atomic<std::uint64_t>& count)
      : options_(options), count_(count) {}

  // At least kSniffBytes, unless the input is shorter. Before the first next() only.
  Result<std::string_view> peek() {
    while (filled_ < kSniffBytes) {
      ASSIGN_OR_RETURN(const std::size_t got, read_more());
      if (got == 0) break;
    }
    return std::string_view(buffer_).substr(0, filled_);
  }
  // The next bytes, valid until the next call; empty at the end.
  Result<std::string_view> next() {
    if (filled_ == 0) {
      if (auto got = read_more(); !got) return fail(std::move(got.error()));
    }
    const std::string_view bytes = std::string_view(buffer_).substr(0, filled_);
    filled_ = 0;
    return bytes;
  }
  // Reads what is left, for its digest.
  Status drain() {
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, next());
      if (bytes.empty()) return {};
    }
  }
  // After the end.
  Status check(Totals& totals) {
    totals.blob_digest = hash_.finish();
    totals.blob_bytes = count_;
    if (options_.blob_bytes && *options_.blob_bytes != count_) {
      return fail(ErrorKind::kCorrupt, fmt::format("the blob has {} bytes, not the expected {}",
                                                   count_.load(), *options_.blob_bytes));
    }
    if (options_.blob_digest && *options_.blob_digest != totals.blob_digest) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the blob's digest is {}, not the expected {}", totals.blob_digest.to_string(),
                              options_.blob_digest->to_string()));
    }
    return {};
  }

 private:
  Result<std::size_t> read_more() {
    if (buffer_.empty()) buffer_.resize(kBufferBytes);
    while (true) {
      char* const at = buffer_.data() + filled_;
      const std::size_t room = buffer_.size() - filled_;
      const ssize_t got = options_.keep_offset
                              ? ::pread(options_.fd, at, room, static_cast<off_t>(count_.load()))
                              : ::read(options_.fd, at, room);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, "read the archive");
      const auto size = static_cast<std::size_t>(got);
      hash_.update(std::string_view(at, size));
      filled_ += size;
      count_ += size;
      if (options_.blob_bytes && count_ > *options_.blob_bytes) {
        return fail(ErrorKind::kCorrupt,
                    fmt::format("the blob is longer than the expected {} bytes", *options_.blob_bytes));
      }
      if (options_.progress) options_.progress(count_);
      return size;
    }
  }

  const ArchiveInputOptions& options_;
  std::atomic<std::uint64_t>& count_;
  std::string buffer_;
  std::size_t filled_ = 0;
  Sha256 hash_;
};

class ArchiveInput::Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out` with uncompressed bytes from its beginning; the number of them, 0 at the end of the input.
  virtual Result<std::size_t> read(std::string& out) = 0;
};

class ArchiveInput::PlainDecoder final : public Decoder {
 public:
  explicit PlainDecoder(Wire& wire) : wire_(wire) {}
  Result<std::size_t> read(std::string& out) override {
    ASSIGN_OR_RETURN(const std::string_view bytes, wire_.next());
    out.assign(bytes);
    return bytes.size();
  }

 private:
  Wire& wire_;
};

// Any number of members; zero padding may follow the last (tape habits), nothing else.
class ArchiveInput::GzipDecoder final : public Decoder {
 public:
  explicit GzipDecoder(Wire& wire) : wire_(wire) { start_member(); }

  Result<std::size_t> read(std::string& out) override {
    out.resize(kBufferBytes);
    state_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_.avail_out = static_cast<std::uint32_t>(out.size());
    while (state_.avail_out > 0) {
      if (state_.avail_in == 0) {
        ASSIGN_OR_RETURN(const std::string_view bytes, wire_.next());
        if (bytes.empty()) {
          if (in_member_ && member_bytes_) return fail(damaged(StreamFormat::kGzip, "it is cut short"));
          break;
        }
        // ISA-L does not write to its input; the field lacks the const.
        state_.next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes.data()));
        state_.avail_in = static_cast<std::uint32_t>(bytes.size());
      }
      if (!in_member_) {
        if (padding_ || *state_.next_in == 0) {
          padding_ = true;
          if (*state_.next_in != 0) return fail(damaged(StreamFormat::kGzip, "bytes follow its end"));
          ++state_.next_in;
          --state_.avail_in;
          continue;
        }
        start_member();
      }
      member_bytes_ = true;
      const int status = ::isal_inflate(&state_);
      if (status < 0)
        return fail(damaged(StreamFormat::kGzip,
                            status == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "invalid data"));
      if (state_.block_state == ISAL_BLOCK_FINISH) in_member_ = false;
    }
    return out.size() - state_.avail_out;
  }

 private:
  void start_member() {
    std::uint8_t* const in = state_.next_in;
    const std::uint32_t in_size = state_.avail_in;
    std::uint8_t* const out = state_.next_out;
    const std::uint32_t out_size = state_.avail_out;
    ::isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
    state_.next_in = in;
    state_.avail_in = in_size;
    state_.next_out = out;
    state_.avail_out = out_size;
    in_member_ = true;
    member_bytes_ = false;
  }

  Wire& wire_;
  inflate_state state_{};
  bool in_member_ = true;
  bool member_bytes_ = false;
  bool padding_ = false;
};

class ArchiveInput::ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(Wire& wire) : wire_(wire), context_(::ZSTD_createDCtx(), &::ZSTD_freeDCtx) {}

  Result<std::size_t> read(std::string& out) override {
    if (!context_) return fail(ErrorKind::kSystem, "make a zstd decoder: out of memory");
    if (!started_)
      (void)::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);  // valid value
    started_ = true;
    out.resize(kBufferBytes);
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos < target.size) {
      if (in_.pos == in_.size && !flushing_) {
        ASSIGN_OR_RETURN(const std::string_view bytes, wire_.next());
        if (bytes.empty()) {
          if (pending_ != 0) return fail(damaged(StreamFormat::kZstd, "it is cut short"));
          break;
        }
        in_ = {bytes.data(), bytes.size(), 0};
      }
      pending_ = ::ZSTD_decompressStream(context_.get(), &target, &in_);
      if (::ZSTD_isError(pending_) != 0)
        return fail(damaged(StreamFormat::kZstd, ::ZSTD_getErrorName(pending_)));
      // A full output may mean that more is held back inside.
      flushing_ = target.pos == target.size && pending_ != 0;
    }
    return target.pos;
  }

 private:
  Wire& wire_;
  std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::size_t pending_ = 0;
  bool started_ = false;
  bool flushing_ = false;
};

// bzip2 and xz, by libarchive's filters around its "raw" format.
class ArchiveInput::FilterDecoder final : public Decoder {
 public:
  FilterDecoder(Wire& wire, StreamFormat format)
      : wire_(wire), format_(format), archive_(::archive_read_new(), &::archive_read_free) {}

  Result<std::size_t> read(std::string& out) override {
    if (!opened_) {
      opened_ = true;
      ::archive_read_support_format_raw(archive_.get());
      if (format_ == StreamFormat::kBzip2) ::archive_read_support_filter_bzip2(archive_.get());
      if (format_ == StreamFormat::kXz) ::archive_read_support_filter_xz(archive_.get());
      archive_entry* entry = nullptr;
      if (::archive_read_open(archive_.get(), this, nullptr, &FilterDecoder::supply, nullptr) != ARCHIVE_OK ||
          ::archive_read_next_header(archive_.get(), &entry) != ARCHIVE_OK) {
        return fail(error());
      }
    }
    out.resize(kBufferBytes);
    const la_ssize_t got = ::archive_read_data(archive_.get(), out.data(), out.size());
    if (got < 0) return fail(error());
    return static_cast<std::size_t>(got);
  }

 private:
  static la_ssize_t supply(archive* handle, void* self, const void** bytes) {
    auto* decoder = static_cast<FilterDecoder*>(self);
    auto next = decoder->wire_.next();
    if (!next) {
      decoder->wire_error_ = std::move(next.error());
      ::archive_set_error(handle, EIO, "input");
      return -1;
    }
    *bytes = next->data();
    return static_cast<la_ssize_t>(next->size());
  }
  Error error() {
    if (wire_error_) return *wire_error_;
    const char* text = ::archive_error_string(archive_.get());
    return damaged(format_, text == nullptr ? "invalid data" : text);
  }

  Wire& wire_;
  StreamFormat format_;
  std::unique_ptr<archive, decltype(&::archive_read_free)> archive_;
  std::optional<Error> wire_error_;
  bool opened_ = false;
};

ArchiveInput::ArchiveInput(ArchiveInputOptions options)
    : options_(std::move(options)), decoded_(kQueuedBuffers), hashed_(kQueuedBuffers) {
  // The second one first: what it waits for can still be told that there is nothing.
  Result<std::thread> hasher = sys::start_thread("hashes an archive", [this] { hash(); });
  if (!hasher) {
    hashed_.close(fail(std::move(hasher.error())));
    return;
  }
  hash_thread_ = std::move(*hasher);
  Result<std::thread> decoder = sys::start_thread("decompresses an archive", [this] { decode(); });
  if (decoder)
    decoder_thread_ = std::move(*decoder);
  else
    decoded_.close(fail(std::move(decoder.error())));
}

ArchiveInput::~ArchiveInput() {
  hashed_.abandon();
  decoded_.abandon();
  for (std::thread* thread : {&decoder_thread_, &hash_thread_})
    if (thread->joinable()) thread->join();
}

Result<std::unique_ptr<ArchiveInput::Decoder>> ArchiveInput::make_decoder(Wire& wire) {
  ASSIGN_OR_RETURN(const std::string_view head, wire.peek());
  const StreamFormat format = sniff_format(head);
  switch (format) {
    case StreamFormat::kPlain:
      return std::make_unique<PlainDecoder>(wire);
    case StreamFormat::kGzip:
      return std::make_unique<GzipDecoder>(wire);
    case StreamFormat::kZstd:
      return std::make_unique<ZstdDecoder>(wire);
    case StreamFormat::kBzip2:
    case StreamFormat::kXz:
      break;
  }
  if (options_.layer) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("a layer compressed with {}: image layers are gzip, zstd or uncompressed",
                            stream_format_name(format)));
  }
  return std::make_unique<FilterDecoder>(wire, format);
}

Status ArchiveInput::check_ratio(std::uint64_t uncompressed) const {
  const ArchiveLimits& limits = options_.limits;
  if (uncompressed > limits.max_bytes) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the archive has more than {} bytes uncompressed, the limit", limits.max_bytes));
  }
  if (limits.max_ratio != 0 && uncompressed > limits.ratio_free_bytes &&
      (uncompressed - limits.ratio_free_bytes) / limits.max_ratio > wire_bytes_) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the archive expands more than {} times, which looks like a decompression bomb",
                            limits.max_ratio));
  }
  return {};
}

Status ArchiveInput::decode_all(Wire& wire) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder, make_decoder(wire));
  std::uint64_t total = 0;
  while (true) {
    std::string buffer;
    ASSIGN_OR_RETURN(const std::size_t got, decoder->read(buffer));
    if (got == 0) return {};
    buffer.resize(got);
    total += got;
    RETURN_IF_ERROR(check_ratio(total));
    if (!decoded_.push(std::move(buffer))) return fail(ErrorKind::kCancelled, "the archive's reader stopped");
  }
}

void ArchiveInput::decode() {
  Wire wire(options_, wire_bytes_);
  Status status = decode_all(wire);
  const bool damaged_input = !status && status.error().kind() == ErrorKind::kCorrupt;
  // Damaged bytes: if the digest is wrong too, that is the truth to tell.
  if (status || (damaged_input && options_.blob_digest)) {
    Status checked = wire.drain();
    if (checked) checked = wire.check(totals_);
    if (!checked) status = std::move(checked);
  }
  decoded_.close(std::move(status));
}

void ArchiveInput::hash() {
  Sha256 hash;
  std::uint64_t total = 0;
  Status status;
  while (true) {
    auto buffer = decoded_.pop();
    if (!buffer) {
      status = fail(std::move(buffer.error()));
      break;
    }
    if (!*buffer) break;
    hash.update(**buffer);
    total += (*buffer)->size();
    if (!hashed_.push(std::move(**buffer))) {
      decoded_.abandon();
      return;
    }
  }
  if (status) {
    totals_.diff_id = hash.finish();
    totals_.tar_bytes = total;
    if (options_.diff_id && *options_.diff_id != totals_.diff_id) {
      status =
          fail(ErrorKind::kCorrupt, fmt::format("the layer's diff_id is {}, not {} as its image says",
                                                totals_.diff_id.to_string(), options_.diff_id->to_string()));
    }
  }
  hashed_.close(std::move(status));
}

Result<std::string_view> ArchiveInput::next() {
  ASSIGN_OR_RETURN(std::optional<std::string> buffer, hashed_.pop());
  if (!buffer) return std::string_view();
  current_ = std::move(*buffer);
  return std::string_view(current_);
}

}  // namespace shale::layer
