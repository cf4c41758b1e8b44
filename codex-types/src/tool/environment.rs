//! The environments of code and commands.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Secret;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::tagged::tagged;

tagged! {
    /// The environment of shell commands.
    pub enum ShellEnvironment {
        /// A container that the service creates: API object `ContainerAuto`.
        "container_auto" => ContainerAuto(AutoContainer),
        /// The local machine: API object `LocalEnvironment`.
        "local" => Local(LocalEnvironment),
        /// An existing container: API object `ContainerReference`.
        "container_reference" => ContainerReference(ContainerReference),
    }
}

object! {
    /// A container that the service creates.
    pub struct AutoContainer tag "container_auto" {
        required {}
        optional {
            /// Files to put into the container.
            file_ids: Vec<String>,
            /// The memory limit: `1g`, `4g`, `16g`, `64g`.
            memory_limit: String,
            /// The network policy.
            network_policy: NetworkPolicy,
            /// Skills to put into the container.
            skills: Vec<Skill>,
        }
    }
}

object! {
    /// The local machine as an environment.
    pub struct LocalEnvironment tag "local" {
        required {}
        optional {
            /// The available skills.
            skills: Vec<LocalSkill>,
        }
    }
}

object! {
    /// An existing container.
    pub struct ContainerReference tag "container_reference" {
        required {
            /// The id of the container.
            container_id: String,
        }
    }
}

tagged! {
    /// The network policy of a container.
    pub enum NetworkPolicy {
        /// No network access.
        "disabled" => Disabled(DisabledNetworkPolicy),
        /// Access to listed domains.
        "allowlist" => Allowlist(AllowlistNetworkPolicy),
    }
}

object! {
    /// A network policy without access.
    pub struct DisabledNetworkPolicy tag "disabled" {
        required {}
    }
}

object! {
    /// A network policy with access to listed domains.
    pub struct AllowlistNetworkPolicy tag "allowlist" {
        required {
            /// The domains.
            allowed_domains: Vec<String>,
        }
        optional {
            /// Credentials for some of the domains, which the code in the container cannot read.
            domain_secrets: Vec<DomainSecret>,
        }
    }
}

object! {
    /// A credential for a domain.
    pub struct DomainSecret {
        required {
            /// The domain.
            domain: String,
            /// The name that the code uses.
            name: String,
            /// The credential.
            value: Secret,
        }
    }
}

tagged! {
    /// A skill: instructions and files for a kind of task.
    pub enum Skill {
        /// A stored skill.
        "skill_reference" => Reference(SkillReference),
        /// A skill in the request.
        "inline" => Inline(InlineSkill),
    }
}

object! {
    /// A reference to a stored skill.
    pub struct SkillReference tag "skill_reference" {
        required {
            /// The id of the skill.
            skill_id: String,
        }
        optional {
            /// The version, a number or `latest`.
            version: String,
        }
    }
}

object! {
    /// A skill in the request.
    pub struct InlineSkill tag "inline" {
        required {
            /// The name.
            name: String,
            /// The purpose, for the model.
            description: String,
            /// The files.
            source: InlineSkillSource,
        }
    }
}

object! {
    /// The files of a skill.
    pub struct InlineSkillSource tag "base64" {
        required {
            /// The media type: `application/zip`.
            media_type: String,
            /// The bytes, in base64.
            data: String,
        }
    }
}

object! {
    /// A skill on the local machine.
    pub struct LocalSkill {
        required {
            /// The name.
            name: String,
            /// The purpose, for the model.
            description: String,
            /// The path.
            path: String,
        }
    }
}

either! {
    /// The container of the code interpreter.
    pub enum CodeInterpreterContainer {
        /// The id of an existing container.
        text Id(String),
        /// A container that the service creates.
        other Object(CodeInterpreterContainerObject),
    }
}

tagged! {
    /// A container for the code interpreter.
    pub enum CodeInterpreterContainerObject {
        /// A container that the service creates.
        "auto" => Auto(CodeInterpreterContainerAuto),
    }
}

impl From<CodeInterpreterContainerAuto> for CodeInterpreterContainer {
    fn from(auto: CodeInterpreterContainerAuto) -> Self {
        Self::Object(auto.into())
    }
}

object! {
    /// A container that the service creates for the code interpreter.
    pub struct CodeInterpreterContainerAuto tag "auto" {
        required {}
        optional {
            /// Files to put into the container.
            file_ids: Vec<String>,
            /// The memory limit: `1g`, `4g`, `16g`, `64g`.
            memory_limit: String,
            /// The network policy.
            network_policy: NetworkPolicy,
        }
    }
}
