//! Argon2id: what is stored of a password, and whether a typed one is it.
//!
//! Each question costs exactly one run of Argon2, whatever the answer: an account that does not exist, a hash that cannot
//! be read and a wrong password take equally long.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::{Error, Result};

use super::Password;
use crate::opaque::random_bytes;

/// Runs at the same time in one process: each takes a core and all of [`Parameters::memory_kib`].
pub const AT_ONCE: usize = 2;
/// Requests that may wait for a run. The next one is told to come back later.
pub const WAITING: usize = 50;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// How much work one run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes. They are worked on one after the other.
    pub lanes: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, iterations: 3, lanes: 1 }
    }
}

impl Parameters {
    /// The least that the OWASP Password Storage Cheat Sheet takes.
    pub const LEAST: Self = Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 };
    /// The most that a server which answers requests can mean: 1 GiB. More is a slip of the pen, or a hash that
    /// somebody has put into the database to stop it.
    pub const MOST: Self = Self { memory_kib: 1024 * 1024, iterations: 16, lanes: 16 };

    /// The parameters of Argon2, if they are within the bounds.
    fn checked(self) -> Result<Params> {
        let Self { memory_kib, iterations, lanes } = self;
        let (least, most) = (Self::LEAST, Self::MOST);
        let within = (least.memory_kib..=most.memory_kib).contains(&memory_kib)
            && (least.iterations..=most.iterations).contains(&iterations)
            && (least.lanes..=most.lanes).contains(&lanes);
        if !within {
            return Err(Error::InvalidValue(format!(
                "password hashing needs {} to {} KiB of memory, {} to {} iterations and {} to {} lanes",
                least.memory_kib, most.memory_kib, least.iterations, most.iterations, least.lanes, most.lanes
            )));
        }
        Params::new(memory_kib, iterations, lanes, Some(OUTPUT_BYTES)).map_err(|error| internal(error.into()))
    }

    /// The parameters of a stored hash, if it is one that this program can have made.
    fn of(stored: &PasswordHash) -> Option<Self> {
        let ours = stored.algorithm == Algorithm::Argon2id.ident()
            && stored.version == Some(Version::V0x13.into())
            && stored.salt.as_ref().is_some_and(|salt| salt.len() == SALT_BYTES)
            && stored.hash.as_ref().is_some_and(|output| output.len() == OUTPUT_BYTES);
        let params = Params::try_from(stored).ok().filter(|_| ours)?;
        let found = Self { memory_kib: params.m_cost(), iterations: params.t_cost(), lanes: params.p_cost() };
        found.checked().is_ok().then_some(found)
    }
}

/// Makes and checks hashes.
pub struct Hasher {
    argon: Argon2<'static>,
    parameters: Parameters,
    /// What could be the hash of a password that nobody has.
    nobody: PasswordHash,
    runs: AtomicU64,
}

impl Hasher {
    /// A hasher with these parameters. It makes up one hash, to have something to compare with where there is no account.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for parameters out of bounds, [`Error::Internal`] without random numbers.
    pub fn new(parameters: Parameters) -> Result<Self> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters.checked()?);
        // Comparing runs Argon2 whatever stands there, so nothing has to be hashed before the server is ready.
        let Parameters { memory_kib, iterations, lanes } = parameters;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${}${}",
            STANDARD_NO_PAD.encode(random_bytes::<SALT_BYTES>()?),
            STANDARD_NO_PAD.encode(random_bytes::<OUTPUT_BYTES>()?)
        );
        let nobody = PasswordHash::new(&text).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { argon, parameters, nobody, runs: AtomicU64::new(0) })
    }

    /// What is stored of the password, in the PHC string format.
    ///
    /// # Errors
    /// [`Error::Internal`] without random numbers or memory.
    pub fn hash(&self, password: &Password) -> Result<String> {
        let salt = random_bytes::<SALT_BYTES>()?;
        self.count();
        let hash = self.argon.hash_password_with_salt(password.as_bytes(), &salt).map_err(internal)?;
        Ok(hash.to_string())
    }

    /// Whether it is the password whose hash is stored. One that cannot be read is nobody's.
    ///
    /// # Errors
    /// [`Error::Internal`] without memory.
    pub fn verify(&self, password: &Password, stored: &str) -> Result<bool> {
        match PasswordHash::new(stored).ok().filter(|hash| Parameters::of(hash).is_some()) {
            Some(hash) => self.compare(password, &hash),
            None => self.verify_nobody(password).map(|()| false),
        }
    }

    /// The same work where there is no account, or none that may sign in.
    ///
    /// # Errors
    /// As for [`Self::verify`], so that neither this tells whether there is an account.
    pub fn verify_nobody(&self, password: &Password) -> Result<()> {
        self.compare(password, &self.nobody).map(drop)
    }

    /// Whether the password should be hashed again when it is next typed, because the parameters have changed.
    pub fn needs_rehash(&self, stored: &str) -> bool {
        let parameters = PasswordHash::new(stored).ok().and_then(|hash| Parameters::of(&hash));
        parameters != Some(self.parameters)
    }

    /// Runs of Argon2 since the start.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    fn compare(&self, password: &Password, hash: &PasswordHash) -> Result<bool> {
        self.count();
        match self.argon.verify_password(password.as_bytes(), hash) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(internal(error)),
        }
    }

    fn count(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }
}

fn internal(error: password_hash::Error) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn hasher() -> Hasher {
        Hasher::new(Parameters::LEAST).unwrap()
    }

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn a_password_is_known_by_its_hash_alone() {
        let hasher = hasher();
        let stored = hasher.hash(&typed("xkcd tree window plum")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.verify(&typed("xkcd tree window plum"), &stored).unwrap());
        assert!(!hasher.verify(&typed("xkcd tree window plun"), &stored).unwrap());
        assert_ne!(hasher.hash(&typed("xkcd tree window plum")).unwrap(), stored, "each has its own salt");
    }

    #[test]
    fn both_forms_are_one_password_and_nothing_is_cut_off() {
        let hasher = hasher();
        let text = "é".repeat(72);
        let stored = hasher.hash(&Password::new(format!("{text}1"))).unwrap();
        assert!(hasher.verify(&Password::new(format!("{text}1").nfd().collect()), &stored).unwrap());
        assert!(!hasher.verify(&Password::new(format!("{text}2")), &stored).unwrap());
    }

    #[test]
    fn every_question_is_one_run() {
        let hasher = hasher();
        let (password, other) = (typed("xkcd tree window plum"), typed("another one entirely"));
        let runs = |question: &dyn Fn()| {
            let before = hasher.runs();
            question();
            hasher.runs() - before
        };
        assert_eq!(hasher.runs(), 0);
        let stored = hasher.hash(&password).unwrap();
        assert_eq!(hasher.runs(), 1);
        assert_eq!(runs(&|| assert!(hasher.verify(&password, &stored).unwrap())), 1);
        assert_eq!(runs(&|| assert!(!hasher.verify(&other, &stored).unwrap())), 1);
        assert_eq!(runs(&|| hasher.verify_nobody(&password).unwrap()), 1);
        assert_eq!(runs(&|| assert!(!hasher.needs_rehash(&stored))), 0);
        let broken = [
            "",
            "plain",
            "$argon2id$",
            &stored[..stored.len() - 4],
            &stored[..stored.rfind('$').unwrap()],
            &stored.replace("argon2id", "argon2i"),
            &stored.replace("argon2id", "scrypt"),
            &stored.replace("v=19", "v=16"),
            &stored.replace("m=19456", "m=8"),
            &stored.replace("m=19456", "m=4294967295"),
            &stored.replace("t=2", "t=4294967295"),
            &stored.replace("p=1", "p=0"),
        ];
        for wrong in broken {
            assert_eq!(runs(&|| assert!(!hasher.verify(&password, wrong).unwrap(), "{wrong}")), 1, "{wrong}");
            assert!(hasher.needs_rehash(wrong), "{wrong}");
        }
    }

    #[test]
    fn other_parameters_are_read_and_replaced() {
        let (before, after) =
            (hasher(), Hasher::new(Parameters { memory_kib: 20 * 1024, iterations: 3, lanes: 2 }).unwrap());
        let password = typed("xkcd tree window plum");
        let stored = before.hash(&password).unwrap();
        assert!(after.verify(&password, &stored).unwrap());
        assert!(after.needs_rehash(&stored));
        let again = after.hash(&password).unwrap();
        assert!(!after.needs_rehash(&again));
        assert!(before.verify(&password, &again).unwrap());
    }

    #[test]
    fn parameters_out_of_bounds_are_refused_at_the_start() {
        let least = Parameters::LEAST;
        let most = Parameters::MOST;
        for good in [least, most, Parameters::default()] {
            assert!(good.checked().is_ok(), "{good:?}");
        }
        for bad in [
            Parameters { memory_kib: least.memory_kib - 1, ..least },
            Parameters { iterations: least.iterations - 1, ..least },
            Parameters { lanes: least.lanes - 1, ..least },
            Parameters { memory_kib: most.memory_kib + 1, ..most },
            Parameters { iterations: most.iterations + 1, ..most },
            Parameters { lanes: most.lanes + 1, ..most },
        ] {
            assert!(matches!(Hasher::new(bad), Err(Error::InvalidValue(_))), "{bad:?}");
        }
    }
}
