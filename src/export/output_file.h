// SPDX-License-Identifier: Apache-2.0
// OutputFile: a file of the user's in the making, or standard output.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "export/progress.h"
#include "layer/tar_writer.h"

namespace shale::exporter {

// Bytes go in; commit() puts the file under its name, in one step, in place of what was there. Without
// commit() nothing remains, even if the process is killed (where the file system knows files without names).
// Standard output ("-") and what is no regular file (/dev/null, a pipe) are written directly.
class OutputFile {
 public:
  // With `progress`, writing ends with kCancelled when it is time to stop.
  static Result<OutputFile> create(const std::string& path, const std::optional<Progress>& progress = {});
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Collects small pieces.
  Status write(std::string_view bytes);
  // Valid as long as this object stays where it is.
  [[nodiscard]] layer::ByteSink sink() {
    return [this](std::string_view bytes) { return write(bytes); };
  }
  Status commit();

 private:
  OutputFile() = default;
  Status flush();
  Status write_out(std::string_view bytes);
  Status link_into_place();

  std::string path_;  // as given, for errors
  std::optional<Progress> progress_;
  UniqueFd directory_;     // invalid: written directly
  std::string name_;       // in directory_
  std::string temporary_;  // name in directory_; empty = the file has none
  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace shale::exporter
