//! A peer of tenmint-tuf and tenmint trust, built on tough (the library of tuftool and Bottlerocket).
//!
//!     tuf-tough read CACHE URL ROOT TARGET FILE   refresh, then download TARGET to FILE
//!     tuf-tough write DIR EXPIRES                 a repository in DIR/from; private keys are DIR/keys/NAME.der
use jiff::Timestamp;
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use tough::editor::signed::{PathExists, SignedRole};
use tough::editor::RepositoryEditor;
use tough::key_source::{KeySource, LocalKeySource};
use tough::schema::{KeyHolder, PathPattern, PathSet, RoleKeys, RoleType, Root, Target};
use tough::{Prefix, RepositoryLoader, TargetName};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

async fn read(cache: &Path, url: &str, root: &str, target: &str, file: &str) -> Result<()> {
    let saved = cache.join("saved");
    tokio::fs::create_dir_all(&saved).await?;
    let trusted = tokio::fs::read(root).await?;
    let base = url.trim_end_matches('/');
    let repository = RepositoryLoader::new(
        &trusted,
        format!("{base}/").parse()?,
        format!("{base}/targets/").parse()?,
    )
    .datastore(cache)
    .load()
    .await?;
    let name = TargetName::new(target)?;
    repository.save_target(&name, &saved, Prefix::None).await?;
    tokio::fs::copy(saved.join(name.resolved()), file).await?;
    Ok(())
}

struct Writer {
    dir: PathBuf,
    expires: Timestamp,
}

fn version(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("versions begin at 1")
}

impl Writer {
    fn key(&self, name: &str) -> Box<dyn KeySource> {
        Box::new(LocalKeySource {
            path: self.dir.join(format!("keys/{name}.der")),
        })
    }

    fn keys(&self, names: &[&str]) -> Vec<Box<dyn KeySource>> {
        names.iter().map(|name| self.key(name)).collect()
    }

    async fn root(&self, number: u64, roles: &[(RoleType, &[&str], u64)]) -> Result<Root> {
        let mut root = Root {
            spec_version: "1.0.0".into(),
            consistent_snapshot: true,
            version: version(number),
            expires: self.expires,
            keys: HashMap::new(),
            roles: HashMap::new(),
            _extra: HashMap::new(),
        };
        for (role, names, threshold) in roles {
            let mut keyids = Vec::new();
            for name in *names {
                let key = self
                    .key(name)
                    .as_sign()
                    .await
                    .map_err(|e| e.to_string())?
                    .tuf_key();
                let keyid = key.key_id()?;
                root.keys.insert(keyid.clone(), key);
                keyids.push(keyid);
            }
            let role_keys = RoleKeys {
                keyids,
                threshold: version(*threshold),
                _extra: HashMap::new(),
            };
            root.roles.insert(*role, role_keys);
        }
        Ok(root)
    }

    /// Two roots: the second has another third holder, and is signed by holders of both.
    async fn roots(&self, out: &Path) -> Result<()> {
        let signers = self.keys(&["anna", "beth", "carl", "dora"]);
        for (number, third) in [(1, "carl"), (2, "dora")] {
            let root = self
                .root(
                    number,
                    &[
                        (RoleType::Root, &["anna", "beth", third], 2),
                        (RoleType::Targets, &["beth"], 1),
                        (RoleType::Snapshot, &["online"], 1),
                        (RoleType::Timestamp, &["online"], 1),
                    ],
                )
                .await?;
            let holder = KeyHolder::Root(root.clone());
            let random = aws_lc_rs::rand::SystemRandom::new();
            SignedRole::new(root, &holder, &signers, &random)
                .await?
                .write(out, true)
                .await?;
        }
        Ok(())
    }

    async fn target(&self, name: &str, text: &str) -> Result<(TargetName, Target)> {
        let path = self.dir.join("files").join(name);
        tokio::fs::write(&path, text).await?;
        Ok((TargetName::new(name)?, Target::from_path(&path).await?))
    }

    async fn write(&self) -> Result<()> {
        let (metadata, targets, files) = (
            self.dir.join("from/metadata"),
            self.dir.join("from/targets"),
            self.dir.join("files"),
        );
        for folder in [&metadata, &targets, &files] {
            tokio::fs::create_dir_all(folder).await?;
        }
        self.roots(&metadata).await?;
        let mut editor = RepositoryEditor::new(metadata.join("2.root.json")).await?;
        let (name, mut top) = self.target("top.txt", "top").await?;
        top.custom.insert("note".into(), "é\n".into());
        editor
            .add_target(name, top)?
            .targets_version(version(4))?
            .targets_expires(self.expires)?;
        let paths = PathSet::Paths(vec![PathPattern::new("project-*.txt")?]);
        editor
            .delegate_role(
                "project",
                &self.keys(&["paul"]),
                paths,
                true,
                version(1),
                self.expires,
                version(1),
            )
            .await?;
        editor
            .sign_targets_editor(&self.keys(&["beth"]))
            .await?
            .change_delegated_targets("project")?;
        let (name, delegated) = self.target("project-a.txt", "delegated").await?;
        editor
            .add_target(name, delegated)?
            .targets_version(version(2))?
            .targets_expires(self.expires)?;
        editor.sign_targets_editor(&self.keys(&["paul"])).await?;
        editor
            .snapshot_version(version(7))
            .snapshot_expires(self.expires);
        editor
            .timestamp_version(version(9))
            .timestamp_expires(self.expires);
        let signed = editor.sign(&self.keys(&["beth", "online"])).await?;
        signed.write(&metadata).await?;
        signed
            .copy_targets(&files, &targets, PathExists::Fail)
            .await?;
        Ok(())
    }
}

async fn run(args: &[&str]) -> Result<()> {
    match args {
        ["read", cache, url, root, target, file] => {
            read(Path::new(cache), url, root, target, file).await
        }
        ["write", dir, expires] => {
            Writer {
                dir: dir.into(),
                expires: expires.parse()?,
            }
            .write()
            .await
        }
        _ => Err("usage: tuf-tough read CACHE URL ROOT TARGET FILE | write DIR EXPIRES".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Err(problem) = run(&args).await {
        eprintln!("{problem}");
        std::process::exit(1);
    }
}
