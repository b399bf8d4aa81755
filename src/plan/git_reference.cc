// SPDX-License-Identifier: Apache-2.0
#include "plan/git_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "plan/paths.h"

namespace shale::plan {

namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Error wrong(std::string_view what, std::string_view value, std::string_view why) {
  return {ErrorKind::kUsage, fmt::format("invalid {} \"{}\" of a git repository: {}", what, value, why)};
}

// What git check-ref-format refuses, and what git could take for an option or a refspec.
Status check_ref(std::string_view ref) {
  if (ref.starts_with('-')) return fail(wrong("ref", ref, "it must not begin with '-'"));
  constexpr std::string_view kForbidden = " ~^:?*[\\";
  const bool odd = std::any_of(ref.begin(), ref.end(), [&](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || kForbidden.find(c) != std::string_view::npos;
  });
  if (odd || ref.find("..") != std::string_view::npos || ref.find("@{") != std::string_view::npos)
    return fail(wrong("ref", ref, "git has no such names"));
  return {};
}

Status set_ref(GitReference& out, std::string ref) {
  RETURN_IF_ERROR(check_ref(ref));
  if (!out.ref.empty() && out.ref != ref)
    return fail(wrong("ref", ref, fmt::format("the address also names \"{}\"", out.ref)));
  out.ref = std::move(ref);
  return {};
}

Status set_subdir(GitReference& out, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return fail(wrong("folder", text, "it holds a NUL"));
  // ".." leads nowhere above the repository, as in the sources of COPY.
  const std::string path = clean_path(fmt::format("/{}", text)).substr(1);
  if (!out.subdir.empty() && out.subdir != path)
    return fail(wrong("folder", text, fmt::format("the address also names \"{}\"", out.subdir)));
  out.subdir = path;
  return {};
}

Result<bool> boolean(std::string_view key, std::string_view value) {
  for (const char* yes : {"", "1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return fail(wrong(key, value, "it is neither true nor false"));
}

std::string with_prefix(std::string_view prefix, const std::string& value) {
  return value.starts_with(prefix) ? value : std::string(prefix) + value;
}

Status set_field(GitReference& out, const std::string& key, std::string value) {
  const bool may_be_empty = key == "keep-git-dir" || key == "submodules";
  if (value.empty() && !may_be_empty) return fail(wrong("address", key, "this part of it has no value"));
  if (key == "ref") return set_ref(out, std::move(value));
  if (key == "tag") return set_ref(out, with_prefix("refs/tags/", value));
  if (key == "branch") return set_ref(out, with_prefix("refs/heads/", value));
  if (key == "subdir") return set_subdir(out, value);
  if (key == "checksum" || key == "commit") return set_checksum(out, value);
  if (key == "keep-git-dir") {
    ASSIGN_OR_RETURN(out.keep_git_dir, boolean(key, value));
    return {};
  }
  if (key == "submodules") {
    ASSIGN_OR_RETURN(out.submodules, boolean(key, value));
    return {};
  }
  if (key == "mtime") {
    if (value != "checkout" && value != "commit") return fail(wrong(key, value, "it is checkout or commit"));
    out.commit_times = value == "commit";
    return {};
  }
  if (key == "fetch-by-commit") {
    // How the commit is fetched is decided by what the server can do.
    ASSIGN_OR_RETURN([[maybe_unused]] const bool asked, boolean(key, value));
    return {};
  }
  return fail(
      Error(ErrorKind::kUsage, fmt::format("unexpected query \"{}\" in the address of a git repository", key))
          .hint("ref, branch, tag, subdir, checksum, commit, keep-git-dir, submodules, mtime and "
                "fetch-by-commit are known"));
}

Status read_query(GitReference& out, std::string_view query) {
  std::vector<std::string> seen;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    ASSIGN_OR_RETURN(const std::string key, percent_decoded(field.substr(0, equals)));
    ASSIGN_OR_RETURN(std::string value, percent_decoded(field.substr(std::min(equals + 1, field.size()))));
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      return fail(wrong("address", key, "this part of it is there twice"));
    seen.push_back(key);
    RETURN_IF_ERROR(set_field(out, key, std::move(value)));
  }
  return {};
}

Status read_fragment(GitReference& out, std::string_view fragment) {
  const std::size_t colon = std::min(fragment.find(':'), fragment.size());
  if (colon > 0) RETURN_IF_ERROR(set_ref(out, std::string(fragment.substr(0, colon))));
  if (colon < fragment.size()) RETURN_IF_ERROR(set_subdir(out, fragment.substr(colon + 1)));
  return {};
}

// user@host:path, where user and host are plain words.
bool is_scp_like(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t colon = text.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || at == 0 || colon <= at + 1)
    return false;
  const auto plain = [](std::string_view word, std::string_view more) {
    return std::all_of(word.begin(), word.end(),
                       [&](char c) { return is_word(c) || more.find(c) != std::string_view::npos; });
  };
  return plain(text.substr(0, at), "-_") && plain(text.substr(at + 1, colon - at - 1), "-.");
}

// ssh would take such a host or user for an option.
Status check_host(std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  const std::string_view host = at == std::string_view::npos ? authority : authority.substr(at + 1);
  if (authority.starts_with('-') || host.starts_with('-') || host.empty())
    return fail(wrong("host", host, "that is no name of a host"));
  return {};
}

}  // namespace

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto digit = [&](std::size_t at) {
      const char c = at < text.size() ? static_cast<char>(text[at] | 0x20) : '\0';
      return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    const int high = digit(i + 1);
    const int low = digit(i + 2);
    if (high < 0 || low < 0)
      return fail(ErrorKind::kUsage, "a % in an address has no two hexadecimal digits after it");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_commit_id(std::string_view text) { return (text.size() == 40 || text.size() == 64) && is_hex(text); }

bool GitReference::names_commit() const { return is_commit_id(ref); }

Status set_checksum(GitReference& reference, std::string_view checksum) {
  if (checksum.empty() || checksum.size() > 64 || !is_hex(checksum))
    return fail(Error(
        ErrorKind::kUsage,
        fmt::format("invalid checksum \"{}\" of a git repository, expected hex commit hash", checksum)));
  if (!reference.checksum.empty() && reference.checksum != checksum)
    return fail(wrong("checksum", checksum, fmt::format("there is also \"{}\"", reference.checksum)));
  reference.checksum = checksum;
  return {};
}

Result<std::optional<GitReference>> parse_git_reference(std::string_view text) {
  constexpr std::string_view kGithub = "github.com/";
  GitReference out;
  std::string address(text);
  if (text.starts_with(kGithub)) {
    out.may_be_path = true;
    address = fmt::format("https://{}", text);
  }
  const std::string_view whole = address;
  const std::size_t hash = std::min(whole.find('#'), whole.size());
  const std::size_t question = std::min(whole.find('?'), hash);
  const std::string_view remote = whole.substr(0, question);
  const std::size_t scheme = remote.find("://");
  if (scheme == std::string_view::npos) {
    if (!is_scp_like(remote)) return std::nullopt;
    RETURN_IF_ERROR(check_host(remote.substr(0, remote.find(':'))));
    out.remote = remote;
  } else {
    const std::string_view protocol = remote.substr(0, scheme);
    const bool http = protocol == "http" || protocol == "https";
    // Any other file may lie behind http: only the name tells.
    if (http ? !out.may_be_path && !remote.ends_with(".git") : protocol != "ssh" && protocol != "git")
      return std::nullopt;
    std::string_view rest = remote.substr(scheme + 3);
    std::string_view authority = rest.substr(0, rest.find('/'));
    RETURN_IF_ERROR(check_host(authority));
    if (const std::size_t at = authority.rfind('@'); http && at != std::string_view::npos) {
      ASSIGN_OR_RETURN(out.login, percent_decoded(authority.substr(0, at)));
      rest.remove_prefix(at + 1);
    }
    out.remote = fmt::format("{}://{}", protocol, rest);
  }
  if (std::any_of(out.remote.begin(), out.remote.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return fail(wrong("address", without_login(out.remote), "it holds blanks or control characters"));
  if (question < hash) RETURN_IF_ERROR(read_query(out, whole.substr(question + 1, hash - question - 1)));
  if (hash < whole.size()) RETURN_IF_ERROR(read_fragment(out, whole.substr(hash + 1)));
  return out;
}

std::string without_login(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t scheme = text.find("://", at);
    if (scheme == std::string_view::npos) return out.append(text.substr(at));
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?#\"' \t\n", begin), text.size());
    const std::string_view authority = text.substr(begin, end - begin);
    const std::size_t sign = authority.rfind('@');
    out.append(text.substr(at, begin - at));
    const bool ssh = text.substr(0, scheme).ends_with("ssh");  // its user name is no secret
    if (sign == std::string_view::npos || (ssh && authority.find(':') > sign)) {
      out.append(authority);
    } else {
      out.append(authority.substr(0, sign).find(':') == std::string_view::npos ? "xxxxx" : "xxxxx:xxxxx");
      out.append(authority.substr(sign));
    }
    at = end;
  }
  return out;
}

}  // namespace shale::plan
