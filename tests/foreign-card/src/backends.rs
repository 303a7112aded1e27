//! What the firmware asks its operating system for, and who does it: PINs, sealed files, RSA.

use trussed::Platform;
use trussed::backend::{Backend as _, BackendId};
use trussed::serde_extensions::{ExtensionDispatch, ExtensionId, ExtensionImpl as _};
use trussed::service::ServiceResources;
use trussed::types::Context;
use trussed_auth::AuthExtension;
use trussed_auth_backend::{AuthBackend, AuthContext, FilesystemLayout};
use trussed_chunked::ChunkedExtension;
use trussed_core::Error;
use trussed_core::api::{Reply, Request, reply, request};
use trussed_core::types::Location;
use trussed_hpke::HpkeExtension;
use trussed_rsa_alloc::SoftwareRsa;
use trussed_staging::{StagingBackend, StagingContext};
use trussed_wrap_key_to_file::WrapKeyToFileExtension;

/// In the order in which they are asked.
pub(crate) const ALL: &[BackendId<Backend>] = &[
    BackendId::Custom(Backend::Rsa),
    BackendId::Custom(Backend::Auth),
    BackendId::Custom(Backend::Staging),
    BackendId::Core,
];

#[derive(Clone, Copy)]
pub(crate) enum Backend {
    Rsa,
    Auth,
    Staging,
}

/// Requests that the core does not know; the numbers are of no meaning to anybody else.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Extension {
    Auth,
    Chunked,
    Hpke,
    WrapKeyToFile,
}

impl From<Extension> for u8 {
    fn from(extension: Extension) -> Self {
        extension as Self
    }
}

impl TryFrom<u8> for Extension {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        let all = [Self::Auth, Self::Chunked, Self::Hpke, Self::WrapKeyToFile];
        all.into_iter().find(|extension| *extension as u8 == number).ok_or(Error::FunctionNotSupported)
    }
}

pub(crate) struct Backends {
    auth: AuthBackend,
    staging: StagingBackend,
}

impl Backends {
    pub(crate) fn new() -> Self {
        Self { auth: AuthBackend::new(Location::Internal, FilesystemLayout::V1), staging: StagingBackend::new() }
    }
}

#[derive(Default)]
pub(crate) struct Contexts {
    auth: AuthContext,
    staging: StagingContext,
}

impl ExtensionDispatch for Backends {
    type BackendId = Backend;
    type Context = Contexts;
    type ExtensionId = Extension;

    fn core_request<P: Platform>(
        &mut self,
        backend: &Backend,
        context: &mut Context<Contexts>,
        request: &Request,
        resources: &mut ServiceResources<P>,
    ) -> Result<Reply, Error> {
        let (core, own) = (&mut context.core, &mut context.backends);
        match backend {
            Backend::Rsa => SoftwareRsa.request(core, &mut (), request, resources),
            Backend::Auth => self.auth.request(core, &mut own.auth, request, resources),
            Backend::Staging => self.staging.request(core, &mut own.staging, request, resources),
        }
    }

    fn extension_request<P: Platform>(
        &mut self,
        backend: &Backend,
        extension: &Extension,
        context: &mut Context<Contexts>,
        request: &request::SerdeExtension,
        resources: &mut ServiceResources<P>,
    ) -> Result<reply::SerdeExtension, Error> {
        let (core, own) = (&mut context.core, &mut context.backends);
        macro_rules! ask {
            ($backend:expr, $context:expr, $extension:ty) => {
                trussed::serde_extensions::ExtensionImpl::<$extension>::extension_request_serialized(
                    &mut $backend,
                    core,
                    &mut $context,
                    request,
                    resources,
                )
            };
        }
        match (backend, extension) {
            (Backend::Auth, Extension::Auth) => {
                self.auth.extension_request_serialized(core, &mut own.auth, request, resources)
            }
            (Backend::Staging, Extension::Chunked) => ask!(self.staging, own.staging, ChunkedExtension),
            (Backend::Staging, Extension::Hpke) => ask!(self.staging, own.staging, HpkeExtension),
            (Backend::Staging, Extension::WrapKeyToFile) => ask!(self.staging, own.staging, WrapKeyToFileExtension),
            _ => Err(Error::RequestNotAvailable),
        }
    }
}

impl ExtensionId<AuthExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::Auth;
}

impl ExtensionId<ChunkedExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::Chunked;
}

impl ExtensionId<HpkeExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::Hpke;
}

impl ExtensionId<WrapKeyToFileExtension> for Backends {
    type Id = Extension;
    const ID: Extension = Extension::WrapKeyToFile;
}
