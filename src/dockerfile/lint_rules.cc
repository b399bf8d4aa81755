// SPDX-License-Identifier: Apache-2.0
// The table of lint rules, the texts of their warnings, and the "check=" options that switch them.
#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dockerfile/lint.h"
#include "dockerfile/runes.h"
#include "dockerfile/source.h"
#include "dockerfile/values.h"

namespace shale::dockerfile {

namespace {

constexpr std::array<LintRule, 22> kRules = {{
    {"StageNameCasing", "Stage names should be lowercase", "Stage name '{}' should be lowercase"},
    {"FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword",
     "'{}' and '{}' keywords' casing do not match"},
    {"NoEmptyContinuation", "Empty continuation lines will become errors in a future release",
     "Empty continuation line"},
    {"ConsistentInstructionCasing",
     "All commands within the Dockerfile should use the same casing (either upper or lower)",
     "Command '{}' should match the case of the command majority ({})"},
    {"DuplicateStageName", "Stage names should be unique",
     "Duplicate stage name \"{}\", stage names should be unique"},
    {"ReservedStageName", "Reserved words should not be used as stage names",
     "Stage name should not use the same name as reserved stage \"{}\""},
    {"JSONArgsRecommended",
     "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
     "JSON arguments recommended for {} to prevent unintended behavior related to OS signals"},
    {"MaintainerDeprecated",
     "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
     "Maintainer instruction is deprecated in favor of using label"},
    {"UndefinedArgInFrom", "FROM command must use declared ARGs", "FROM argument '{}' is not declared{}"},
    {"WorkdirRelativePath",
     "Relative workdir without an absolute workdir declared within the build can have unexpected results if "
     "the base "
     "image changes",
     "Relative workdir \"{}\" can have unexpected results if the base image changes"},
    {"UndefinedVar", "Variables should be defined before their use", "Usage of undefined variable '${}'{}"},
    {"MultipleInstructionsDisallowed",
     "Multiple instructions of the same type should not be used in the same stage",
     "Multiple {} instructions should not be used in the same stage because only the last one will be used"},
    {"LegacyKeyValueFormat", "Legacy key/value format with whitespace separator should not be used",
     "\"{0} key=value\" should be used instead of legacy \"{0} key value\" format"},
    {"InvalidBaseImagePlatform", "Base image platform does not match expected target platform",
     "Base image {} was pulled with platform \"{}\", expected \"{}\" for current build"},
    {"RedundantTargetPlatform",
     "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
     "Setting platform to predefined {} in FROM is redundant as this is the default behavior"},
    {"SecretsUsedInArgOrEnv", "Sensitive data should not be used in the ARG or ENV commands",
     "Do not use ARG or ENV instructions for sensitive data ({} \"{}\")"},
    {"InvalidDefaultArgInFrom", "Default value for global ARG results in an empty or invalid base image name",
     "Default value for ARG {} results in empty or invalid base image name"},
    {"FromPlatformFlagConstDisallowed", "FROM --platform flag should not use a constant value",
     "FROM --platform flag should not use constant value \"{}\""},
    {"CopyIgnoredFile", "Attempting to Copy file that is excluded by .dockerignore",
     "Attempting to {} file \"{}\" that is excluded by .dockerignore"},
    {"InvalidDefinitionDescription",
     "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If "
     "this is "
     "not intended to be a description comment, add an empty line or comment between the instruction and the "
     "comment.",
     "Comment for {0} should follow the format: `# {1} <description>`", true},
    {"ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase",
     "Defined protocol '{}' in EXPOSE instruction should be lowercase"},
    {"ExposeInvalidFormat",
     "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error "
     "in a "
     "future release",
     "EXPOSE instruction should not define an IP address or host-port mapping, found '{}'"},
}};

std::set<std::string> names_in(std::string_view list) {
  std::set<std::string> names;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    const std::string_view name = trim(list.substr(start, end - start));
    if (!name.empty()) names.insert(to_lower(name));
    start = end + 1;
  }
  return names;
}

}  // namespace

std::span<const LintRule> lint_rules() { return kRules; }

const LintRule* find_lint_rule(std::string_view name) {
  const auto* const found = std::ranges::find_if(
      kRules, [&](const LintRule& rule) { return equals_ignoring_case(rule.name, name); });
  return found == kRules.end() ? nullptr : found;
}

std::string lint_rule_url(const LintRule& rule) {
  // "JSONArgsRecommended" → "json-args-recommended": a word begins where a capital follows or precedes a
  // small letter.
  std::string page;
  for (std::size_t i = 0; i < rule.name.size(); ++i) {
    const auto is_small = [&](std::size_t at) {
      return at < rule.name.size() && rule.name[at] >= 'a' && rule.name[at] <= 'z';
    };
    if (i > 0 && !is_small(i) && (is_small(i - 1) || is_small(i + 1))) page += '-';
    page += rule.name[i];
  }
  return fmt::format("https://docs.docker.com/go/dockerfile/rule/{}/", to_lower(page));
}

Result<LintConfig> LintConfig::parse(std::string_view text) {
  LintConfig config;
  text = trim(text);
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(';', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    start = end + 1;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorKind::kDockerfile, fmt::format("invalid check option {}", quote(part)));
    }
    const std::string_view key = trim(part.substr(0, equals));
    const std::string_view value = trim(part.substr(equals + 1));
    if (key == "skip") {
      config.skip_all = value == "all";
      if (!config.skip_all) config.skip = names_in(value);
    } else if (key == "experimental") {
      config.experimental_all = value == "all";
      if (!config.experimental_all) config.experimental = names_in(value);
    } else if (key == "error") {
      const auto given = parse_bool(value);
      if (!given) {
        return fail(ErrorKind::kDockerfile,
                    fmt::format("invalid check option {}: a boolean is needed", quote(part)));
      }
      config.error = *given;
    } else {
      return fail(Error(ErrorKind::kDockerfile, fmt::format("invalid check option {}", quote(key)))
                      .hint("the options are skip, error and experimental"));
    }
  }
  return config;
}

LintConfig LintConfig::with_comments(const std::vector<std::string>& comments) const {
  LintConfig result = *this;
  for (const std::string& comment : comments) {
    std::string_view text = trim(comment);
    if (!text.starts_with("check")) continue;
    text = trim_left(text.substr(5));
    if (!text.starts_with('=')) continue;
    // Behind a blank stands a remark, and what cannot be read as an option is one as a whole.
    text = trim_left(text.substr(1));
    const auto local = parse(text.substr(0, text.find(' ')));
    if (!local) continue;
    result.skip_all = result.skip_all || local->skip_all;
    result.skip.insert(local->skip.begin(), local->skip.end());
  }
  return result;
}

bool LintConfig::wants(const LintRule& rule) const {
  const std::string name = to_lower(rule.name);
  if (rule.experimental && !experimental_all && !experimental.contains(name)) return false;
  return !skip_all && !skip.contains(name);
}

Warning make_warning(const ParsedFile& file, std::string_view rule, const SourceSpan& span,
                     const std::vector<std::string>& arguments) {
  const LintRule* found = find_lint_rule(rule);
  Warning warning{.rule = std::string(rule), .span = span, .excerpt = excerpt(file.text, file.lines, span)};
  if (found == nullptr) return warning;
  warning.description = found->description;
  warning.url = lint_rule_url(*found);
  fmt::dynamic_format_arg_store<fmt::format_context> values;
  constexpr std::size_t kMostArguments = 3;  // the formats above use no more; what is not given is empty
  for (std::size_t i = 0; i < std::max(arguments.size(), kMostArguments); ++i) {
    values.push_back(i < arguments.size() ? arguments[i] : std::string());
  }
  warning.text = fmt::vformat(fmt::string_view(found->format.data(), found->format.size()), values);
  return warning;
}

std::optional<Error> lint_error(const ParsedFile& file, const std::vector<Warning>& warnings) {
  if (warnings.empty()) return std::nullopt;
  std::vector<std::string> rules;
  for (const Warning& warning : warnings) {
    if (std::ranges::find(rules, warning.rule) == rules.end()) rules.push_back(warning.rule);
  }
  std::ranges::sort(rules);
  const Warning& first = warnings.front();
  return Error(ErrorKind::kDockerfile,
               fmt::format("lint violation found for rules: {}", fmt::join(rules, ", ")))
      .at(first.span)
      .with_excerpt(first.excerpt)
      .hint(file.directives.check.empty()
                ? "skip a rule with '# check=skip=RULE' at the top of the file"
                : "'error=true' in the file's check directive makes warnings end the build");
}

}  // namespace shale::dockerfile
