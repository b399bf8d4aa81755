// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include "store/blobs.h"
#include "store/cache.h"
#include "store/cache_mounts.h"
#include "store/context.h"
#include "store/garbage.h"
#include "store/images.h"
#include "store/layers.h"
#include "store/lease.h"
#include "store/recovery.h"
#include "store/reserve.h"
#include "store/root.h"

namespace shale::store {

struct Store::Impl {
  explicit Impl(std::unique_ptr<StoreContext> opened)
      : context(std::move(opened)),
        blobs(*context),
        layers(*context),
        images(*context),
        cache(*context),
        cache_mounts(*context) {}

  std::unique_ptr<StoreContext> context;
  Blobs blobs;
  Layers layers;
  Images images;
  CacheRecords cache;
  CacheMounts cache_mounts;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& root, const StoreOptions& options) {
  std::unique_ptr<StoreContext> context;
  // SQLite makes files, and what was left is recorded as gone: without space for that, nothing could be
  // removed either.
  const auto open = [&]() -> Status {
    context.reset();  // of a first try, with its locks
    ASSIGN_OR_RETURN(context, open_root(root, options));
    RETURN_IF_ERROR(recover_after_boot(*context));
    return sweep_dead_builds(*context);
  };
  RETURN_IF_ERROR(with_reserve_at(root, open));
  return Store(std::make_unique<Impl>(std::move(context)));
}

Status Store::close() {
  if (!impl_) return {};
  Status flushed = impl_->cache.flush();
  Status closed = impl_->context->database->close();
  impl_.reset();
  return flushed ? std::move(closed) : std::move(flushed);
}

const std::string& Store::root() const { return impl_->context->root_path; }
int Store::root_fd() const { return impl_->context->root.get(); }
int Store::builds_fd() const { return impl_->context->builds.get(); }
Database& Store::database() { return *impl_->context->database; }
Blobs& Store::blobs() { return impl_->blobs; }
Layers& Store::layers() { return impl_->layers; }
Images& Store::images() { return impl_->images; }
CacheRecords& Store::cache() { return impl_->cache; }
CacheMounts& Store::cache_mounts() { return impl_->cache_mounts; }

Status Store::sync() { return sync_published(*impl_->context); }
Status Store::discard(const std::string& path) { return move_to_trash(*impl_->context, path); }
Result<TrashResult> Store::empty_trash(std::chrono::milliseconds budget) {
  ASSIGN_OR_RETURN(const TrashResult result, remove_trash(*impl_->context, budget));
  if (result.removed > 0) RETURN_IF_ERROR(make_reserve(root_fd()));  // there was no space for it, perhaps
  return result;
}
Result<GcResult> Store::collect_garbage(const GcOptions& options) {
  GcResult result;
  RETURN_IF_ERROR(with_reserve([&]() -> Status {
    ASSIGN_OR_RETURN(result, remove_garbage(*impl_->context, options));
    return {};
  }));
  return result;
}
Status Store::with_reserve(const std::function<Status()>& work) {
  return store::with_reserve(root_fd(), work);
}

}  // namespace shale::store
