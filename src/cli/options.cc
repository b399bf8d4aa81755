// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <iterator>

namespace shale::cli {

namespace {

using enum OptionKind;

constexpr const char* kNoDaemon = "there is no daemon and there are no intermediate containers";
constexpr const char* kNoRemoteCache = "the cache is in the store, which --root can put where it is kept";
constexpr const char* kNoMonitor = "a build runs in front until it is done";
constexpr const char* kVerified = "digests are always verified";
constexpr const char* kNoAttestation = "no attestation is made";

constexpr OptionSpec kGlobalOptions[] = {
    {"debug", 'D', kFlag, "", "Show more about errors and resource use"},
    {"help", 'h', kFlag, "", "Show help and exit"},
    {"root", 0, kValue, "string", "Directory of the store"},
    {"version", 0, kFlag, "", "Print version information and quit"},
};

constexpr OptionSpec kBuildOptions[] = {
    {"add-host", 0, kList, "list", "Add a custom host-to-IP mapping (format: \"host:ip\")"},
    {"allow", 0, kList, "list", "Allow extra privileged entitlement",
     "commands have the user's network and never more than the user's rights"},
    {"annotation", 0, kList, "list", "Add annotation to the image"},
    {"attest", 0, kList, "list", "Attestation parameters", kNoAttestation},
    {"build-arg", 0, kList, "list", "Set build-time variables"},
    {"build-context", 0, kList, "list", "Additional build contexts (e.g., name=path)"},
    {"builder", 0, kValue, "string", "Builder instance", kNoDaemon},
    {"cache-from", 0, kList, "list", "External cache sources", kNoRemoteCache},
    {"cache-to", 0, kList, "list", "Cache export destinations", kNoRemoteCache},
    {"call", 0, kValue, "string",
     "Set method for evaluating build (\"check\", \"outline\", \"targets\") (default \"build\")"},
    {"cgroup-parent", 0, kValue, "string", "Parent cgroup of RUN instructions"},
    {"check", 0, kFlag, "", "Shorthand for \"--call=check\""},
    {"compress", 0, kFlag, "", "Compress the build context", "the context is read in place"},
    {"cpu-period", 0, kValue, "int", "CPU CFS period"},
    {"cpu-quota", 0, kValue, "int", "CPU CFS quota"},
    {"cpu-shares", 'c', kValue, "int", "CPU shares (relative weight)"},
    {"cpuset-cpus", 0, kValue, "string", "CPUs in which to allow execution"},
    {"cpuset-mems", 0, kValue, "string", "Memory nodes in which to allow execution"},
    {"detach", 0, kFlag, "", "Run the build in the background", kNoMonitor},
    {"disable-content-trust", 0, kFlag, "", "Skip image verification", kVerified},
    {"file", 'f', kValue, "string", "Name of the Dockerfile (default: \"PATH/Dockerfile\")"},
    {"force-rm", 0, kFlag, "", "Always remove intermediate containers", kNoDaemon},
    {"format", 0, kValue, "string", "Manifest format (oci or docker)", "--output and push choose the format"},
    {"iidfile", 0, kValue, "string", "Write the image ID to a file"},
    {"invoke", 0, kValue, "string", "Launch a monitor with a command", kNoMonitor},
    {"isolation", 0, kValue, "string", "How RUN is isolated: auto, full, single, mountns, chroot or none"},
    {"jobs", 0, kValue, "int", "Number of RUN instructions that run at the same time"},
    {"label", 0, kList, "list", "Set metadata for an image"},
    {"layers", 0, kFlag, "", "Cache intermediate layers", "layers are always cached; see --no-cache"},
    {"load", 0, kFlag, "", "Put the image into the store, as is always done without --output"},
    {"memory", 'm', kValue, "bytes", "Memory limit"},
    {"memory-swap", 0, kValue, "bytes", "Limit of memory and swap together: -1 for unlimited swap"},
    {"metadata-file", 0, kValue, "string", "Write build result metadata to a file"},
    {"network", 0, kValue, "string", "Networking mode of RUN instructions: default, none or host"},
    {"no-cache", 0, kFlag, "", "Do not use cache when building the image"},
    {"no-cache-filter", 0, kList, "list", "Do not cache specified stages"},
    {"output", 'o', kList, "list", "Output destination (format: \"type=local,dest=path\")"},
    {"pids-limit", 0, kValue, "int", "Number of processes and threads (default 16384)"},
    {"platform", 0, kList, "string", "Set target platform for build"},
    {"print", 0, kValue, "string", "The older name of --call"},
    {"progress", 0, kValue, "string", "Type of progress output: auto, tty, plain or quiet"},
    {"provenance", 0, kValue, "string", "Shorthand for \"--attest=type=provenance\"", kNoAttestation},
    {"pull", 0, kOptional, "string", "Always attempt to pull all referenced images"},
    {"push", 0, kFlag, "", "Shorthand for \"--output=type=registry\""},
    {"quiet", 'q', kFlag, "", "Suppress the build output and print image ID on success"},
    {"rm", 0, kFlag, "", "Remove intermediate containers", kNoDaemon},
    {"sbom", 0, kValue, "string", "Shorthand for \"--attest=type=sbom\"", kNoAttestation},
    {"secret", 0, kList, "list",
     "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")"},
    {"security-opt", 0, kList, "list",
     "Security options of RUN instructions (\"seccomp=FILE|unconfined\", \"no-new-privileges\")"},
    {"shm-size", 0, kValue, "bytes", "Size of \"/dev/shm\""},
    {"ssh", 0, kList, "list",
     "SSH agent socket or keys to expose to the build (format: \"default|id[=socket|key]\")"},
    {"squash", 0, kFlag, "", "Squash newly built layers into a single new layer",
     "each step keeps its layer"},
    {"tag", 't', kList, "list", "Name and optionally a tag (format: \"name:tag\")"},
    {"target", 0, kValue, "string", "Set the target build stage to build"},
    {"ulimit", 0, kList, "list", "Ulimit options (format: \"type=soft[:hard]\")"},
};

constexpr OptionSpec kImagesOptions[] = {
    {"all", 'a', kFlag, "", "Show all images", "every image in the store is shown"},
    {"digests", 0, kFlag, "", "Show digests"},
    {"filter", 'f', kList, "filter", "Only images that match (format: \"dangling=true\")"},
    {"format", 0, kValue, "string", "Format of the output: table, json, or a template"},
    {"no-trunc", 0, kFlag, "", "Don't truncate output"},
    {"quiet", 'q', kFlag, "", "Only show image IDs"},
};
constexpr OptionSpec kInspectOptions[] = {
    {"format", 'f', kValue, "string", "Format of the output: json, or a template"},
    {"size", 's', kFlag, "", "Display total file sizes", "the size is shown anyway"},
    {"type", 0, kValue, "string", "Type of what is inspected: image"},
};
constexpr OptionSpec kHistoryOptions[] = {
    {"format", 0, kValue, "string", "Format of the output: table, json, or a template"},
    {"human", 'H', kFlag, "", "Print sizes and dates in human readable format (default true)"},
    {"no-trunc", 0, kFlag, "", "Don't truncate output"},
    {"quiet", 'q', kFlag, "", "Only show image IDs"},
};
constexpr OptionSpec kRmiOptions[] = {
    {"force", 'f', kFlag, "", "Force removal of the image"},
    {"no-prune", 0, kFlag, "", "Do not delete untagged parents", "images have no parents here"},
};
constexpr OptionSpec kPruneOptions[] = {
    {"all", 'a', kFlag, "", "Remove all unused cache", "all that no image with a name needs is removed"},
    {"filter", 0, kList, "filter", "Only what was not used for so long (format: \"until=24h\")"},
    {"force", 'f', kFlag, "", "Do not prompt for confirmation", "nothing is asked"},
    {"volumes", 0, kFlag, "", "Prune anonymous volumes", "the store has no volumes"},
};
constexpr OptionSpec kLoginOptions[] = {
    {"password", 'p', kValue, "string", "Password"},
    {"password-stdin", 0, kFlag, "", "Take the password from stdin"},
    {"username", 'u', kValue, "string", "Username"},
};
constexpr OptionSpec kPullOptions[] = {
    {"disable-content-trust", 0, kFlag, "", "Skip image verification", kVerified},
    {"platform", 0, kValue, "string", "Platform of the image (e.g., linux/amd64)"},
    {"progress", 0, kValue, "string", "Type of progress output: auto, tty, plain or quiet"},
    {"quiet", 'q', kFlag, "", "Suppress verbose output"},
};
constexpr OptionSpec kPushOptions[] = {
    {"disable-content-trust", 0, kFlag, "", "Skip image signing", kVerified},
    {"progress", 0, kValue, "string", "Type of progress output: auto, tty, plain or quiet"},
    {"quiet", 'q', kFlag, "", "Suppress verbose output"},
};
constexpr OptionSpec kLoadOptions[] = {
    {"input", 'i', kValue, "string", "Read from a file or directory, instead of STDIN"},
    {"quiet", 'q', kFlag, "", "Suppress the load output"},
};
constexpr OptionSpec kSaveOptions[] = {
    {"format", 0, kValue, "string", "Format: docker-archive (default), oci-archive or oci-dir"},
    {"output", 'o', kValue, "string", "Write to a file, instead of STDOUT"},
};
constexpr OptionSpec kImportOptions[] = {
    {"change", 'c', kList, "list", "Apply Dockerfile instruction to the created image"},
    {"platform", 0, kValue, "string", "Set the platform of the image"},
};

constexpr OptionSpec kReportOptions[] = {
    {"json", 0, kFlag, "", "Print as JSON"},
};

constexpr CommandSpec kCommands[] = {
    {"build", "[OPTIONS] [PATH | URL | -]", "Build an image from a Dockerfile",
     "shale image build, shale buildx build, shale builder build, shale build", kBuildOptions, 0, 1,
     "shale-build.1"},
    {"images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images",
     "shale image ls, shale image list, shale images", kImagesOptions, 0, 1, "shale-images.1"},
    {"inspect", "[OPTIONS] IMAGE [IMAGE...]", "Show what is known of one or more images",
     "shale image inspect, shale inspect", kInspectOptions, 1, -1, "shale-images.1"},
    {"history", "[OPTIONS] IMAGE", "Show the history of an image", "shale image history, shale history",
     kHistoryOptions, 1, 1, "shale-images.1"},
    {"rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images",
     "shale image rm, shale image remove, shale rmi", kRmiOptions, 1, -1, "shale-images.1"},
    {"tag",
     "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
     "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
     "shale image tag, shale tag",
     {},
     2,
     2,
     "shale-images.1"},
    {"prune", "[OPTIONS]", "Remove the build cache, cache mounts and images without a name",
     "shale builder prune, shale buildx prune, shale system prune, shale prune", kPruneOptions, 0, 0,
     "shale-images.1"},
    {"login", "[OPTIONS] [SERVER]", "Log in to a registry", "", kLoginOptions, 0, 1, "shale-login.1"},
    {"logout", "[SERVER]", "Log out from a registry", "", {}, 0, 1, "shale-login.1"},
    {"pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry",
     "shale image pull, shale pull", kPullOptions, 1, 1, "shale-pull.1"},
    {"push", "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", "shale image push, shale push",
     kPushOptions, 1, 1, "shale-pull.1"},
    {"load", "[OPTIONS]", "Load an image from a tar archive or STDIN", "shale image load, shale load",
     kLoadOptions, 0, 0, "shale-load.1"},
    {"save", "[OPTIONS] IMAGE [IMAGE...]",
     "Save one or more images to a tar archive (streamed to STDOUT by default)",
     "shale image save, shale save", kSaveOptions, 1, -1, "shale-load.1"},
    {"import", "[OPTIONS] FILE|- [REPOSITORY[:TAG]]", "Import the contents from a tarball to create an image",
     "shale image import, shale import", kImportOptions, 1, 2, "shale-load.1"},
    {"doctor", "[OPTIONS]", "Show what this host offers to builds, and what to do about what it lacks", "",
     kReportOptions, 0, 0, "shale-doctor.1"},
    {"info", "[OPTIONS]", "Show where the store is and how builds are isolated", "", kReportOptions, 0, 0,
     "shale-doctor.1"},
    {"version", "", "Show the Shale version information", "", {}, 0, 0, "shale.1"},
    {"help", "[COMMAND]", "Show help about a command", "", {}, 0, -1, "shale.1"},
};

}  // namespace

std::span<const CommandSpec> commands() { return kCommands; }

std::span<const OptionSpec> global_options() { return kGlobalOptions; }

const CommandSpec* find_command(std::string_view name) {
  for (const CommandSpec& command : kCommands)
    if (name == command.name) return &command;
  return nullptr;
}

std::vector<std::string> option_names(const CommandSpec& command) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) names.push_back(std::string("--") + option.name);
  for (const OptionSpec& option : kGlobalOptions) names.push_back(std::string("--") + option.name);
  return names;
}

}  // namespace shale::cli
