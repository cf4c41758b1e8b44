//! Where code and commands run.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Secret;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// Where the commands of a shell run.
    pub enum ShellEnvironment {
        /// In a container that the service makes: API object `ContainerAuto`.
        "container_auto" => ContainerAuto(AutoContainer),
        /// Here: API object `LocalEnvironment`.
        "local" => Local(LocalEnvironment),
        /// In a container that exists: API object `ContainerReference`.
        "container_reference" => ContainerReference(ContainerReference),
    }
}

from_variants!(ShellEnvironment {
    ContainerAuto(AutoContainer),
    Local(LocalEnvironment),
    ContainerReference(ContainerReference),
});

object! {
    /// A container that the service makes.
    pub struct AutoContainer tag "container_auto" {
        required {}
        optional {
            /// Files that are put there.
            file_ids: Vec<String>,
            /// How much memory it has: `1g`, `4g`, `16g`, `64g`.
            memory_limit: String,
            /// What it may reach.
            network_policy: NetworkPolicy,
            /// Skills that are put there.
            skills: Vec<Skill>,
        }
    }
}

object! {
    /// Commands run here.
    pub struct LocalEnvironment tag "local" {
        required {}
        optional {
            /// Skills there are.
            skills: Vec<LocalSkill>,
        }
    }
}

object! {
    /// A container that exists.
    pub struct ContainerReference tag "container_reference" {
        required {
            /// The container.
            container_id: String,
        }
    }
}

tagged! {
    /// What a container may reach.
    pub enum NetworkPolicy {
        /// Nothing.
        "disabled" => Disabled(DisabledNetworkPolicy),
        /// What is listed.
        "allowlist" => Allowlist(AllowlistNetworkPolicy),
    }
}

from_variants!(NetworkPolicy {
    Disabled(DisabledNetworkPolicy),
    Allowlist(AllowlistNetworkPolicy),
});

object! {
    /// A container may reach nothing.
    pub struct DisabledNetworkPolicy tag "disabled" {
        required {}
    }
}

object! {
    /// A container may reach what is listed.
    pub struct AllowlistNetworkPolicy tag "allowlist" {
        required {
            /// The domains.
            allowed_domains: Vec<String>,
        }
        optional {
            /// Credentials for some of them, which the code in the container does not see.
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
            /// What the code calls it.
            name: String,
            /// The credential.
            value: Secret,
        }
    }
}

tagged! {
    /// Instructions and files for a kind of work.
    pub enum Skill {
        /// One the service has stored.
        "skill_reference" => Reference(SkillReference),
        /// One that is given here.
        "inline" => Inline(InlineSkill),
    }
}

from_variants!(Skill {
    Reference(SkillReference),
    Inline(InlineSkill),
});

object! {
    /// A skill the service has stored.
    pub struct SkillReference tag "skill_reference" {
        required {
            /// The skill.
            skill_id: String,
        }
        optional {
            /// Its version, a number or `latest`.
            version: String,
        }
    }
}

object! {
    /// A skill that is given in the request.
    pub struct InlineSkill tag "inline" {
        required {
            /// What it is called.
            name: String,
            /// What it is for, for the model.
            description: String,
            /// Its files.
            source: InlineSkillSource,
        }
    }
}

object! {
    /// The files of a skill.
    pub struct InlineSkillSource tag "base64" {
        required {
            /// What the bytes are: `application/zip`.
            media_type: String,
            /// The bytes, in base64.
            data: String,
        }
    }
}

object! {
    /// A skill there is here.
    pub struct LocalSkill {
        required {
            /// What it is called.
            name: String,
            /// What it is for, for the model.
            description: String,
            /// Where it is.
            path: String,
        }
    }
}

either! {
    /// Which container code runs in.
    pub enum CodeInterpreterContainer {
        /// One that exists, by its id.
        text Id(String),
        /// One that the service makes.
        other Object(CodeInterpreterContainerObject),
    }
}

tagged! {
    /// A container for code.
    pub enum CodeInterpreterContainerObject {
        /// One that the service makes.
        "auto" => Auto(CodeInterpreterContainerAuto),
    }
}

from_variants!(CodeInterpreterContainerObject {
    Auto(CodeInterpreterContainerAuto),
});

impl From<CodeInterpreterContainerAuto> for CodeInterpreterContainer {
    fn from(auto: CodeInterpreterContainerAuto) -> Self {
        Self::Object(auto.into())
    }
}

object! {
    /// A container that the service makes for code.
    pub struct CodeInterpreterContainerAuto tag "auto" {
        required {}
        optional {
            /// Files that are put there.
            file_ids: Vec<String>,
            /// How much memory it has: `1g`, `4g`, `16g`, `64g`.
            memory_limit: String,
            /// What it may reach.
            network_policy: NetworkPolicy,
        }
    }
}
