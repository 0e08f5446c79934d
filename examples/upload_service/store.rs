//! Where files are kept: in memory, or in a folder. A file is there whole or not at all.

use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) content_type: String,
    /// What the client had to say of it, by header name.
    pub(crate) metadata: Vec<(String, String)>,
}

impl Object {
    pub(crate) fn etag(&self) -> String {
        // The hyphen tells clients that this is not the MD5 of the content, as S3 does for multipart uploads.
        format!("\"{}-1\"", hex::encode(&Sha256::digest(&self.bytes)[..16]))
    }
}

type Objects = BTreeMap<(String, String), Arc<Object>>;

#[derive(Clone)]
pub(crate) struct Store {
    objects: Arc<Mutex<Objects>>,
    folder: Option<Arc<PathBuf>>,
    buckets: Arc<Vec<String>>,
    writes: Arc<AtomicU64>,
}

impl Store {
    pub(crate) fn open(folder: Option<&Path>, buckets: &[String]) -> Result<Self, String> {
        let store = Self {
            objects: Arc::default(),
            folder: folder.map(|folder| Arc::new(folder.to_owned())),
            buckets: Arc::new(buckets.to_vec()),
            writes: Arc::default(),
        };
        for bucket in buckets {
            if let Some(folder) = &store.folder {
                let folder = folder.join(bucket);
                store.load(bucket, &folder).map_err(|error| format!("cannot use {}: {error}", folder.display()))?;
            }
        }
        Ok(store)
    }

    /// Reads what an earlier run stored.
    fn load(&self, bucket: &str, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let meta: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
            if let (Some(key), Some(content_type)) = (meta["key"].as_str(), meta["content_type"].as_str()) {
                let metadata = serde_json::from_value(meta["metadata"].clone()).unwrap_or_default();
                let bytes = fs::read(path.with_extension("data"))?;
                let object = Object { bytes, content_type: content_type.into(), metadata };
                self.objects().insert((bucket.into(), key.into()), Arc::new(object));
            }
        }
        Ok(())
    }

    fn objects(&self) -> std::sync::MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> bool {
        self.buckets.iter().any(|known| known == bucket)
    }

    pub(crate) fn buckets(&self) -> &[String] {
        &self.buckets
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        self.objects().get(&(bucket.into(), key.into())).cloned()
    }

    /// Stores a whole object; with `create_only` not over another one. Tells whether it did.
    pub(crate) fn put(&self, bucket: &str, key: &str, object: Object, create_only: bool) -> io::Result<bool> {
        // One writer at a time, so that nobody comes between the question and the answer.
        let mut objects = self.objects();
        let name = (bucket.to_owned(), key.to_owned());
        if create_only && objects.contains_key(&name) {
            return Ok(false);
        }
        if let Some(path) = self.path(bucket, key) {
            let meta =
                json!({ "key": key, "content_type": object.content_type, "metadata": object.metadata }).to_string();
            let write = self.writes.fetch_add(1, Ordering::Relaxed);
            for (extension, bytes) in [("data", object.bytes.as_slice()), ("json", meta.as_bytes())] {
                // Written beside and then renamed: a crash leaves the old file or the new one.
                let half = path.with_extension(format!("{write}.{extension}.part"));
                fs::write(&half, bytes)?;
                fs::rename(&half, path.with_extension(extension))?;
            }
        }
        objects.insert(name, Arc::new(object));
        Ok(true)
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) -> io::Result<()> {
        let removed = self.objects().remove(&(bucket.into(), key.into()));
        if let (Some(path), true) = (self.path(bucket, key), removed.is_some()) {
            fs::remove_file(path.with_extension("json"))?;
            fs::remove_file(path.with_extension("data"))?;
        }
        Ok(())
    }

    pub(crate) fn list(&self, bucket: &str, prefix: &str) -> Vec<(String, Arc<Object>)> {
        let objects = self.objects();
        let found = objects.iter().filter(|((place, key), _)| place == bucket && key.starts_with(prefix));
        found.map(|((_, key), object)| (key.clone(), object.clone())).collect()
    }

    /// The hash of the key is the file's name, so no key can point anywhere else.
    fn path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(bucket).join(hex::encode(Sha256::digest(key))))
    }
}
