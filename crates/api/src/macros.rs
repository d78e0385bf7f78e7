//! Macros for the shapes that repeat: objects whose fields are all optional, enumerations, and groups of settings.
//!
//! An optional field is left out when it is absent, never written as null: in a server-side apply a null is a claim.

/// An object of the API all of whose fields are optional.
macro_rules! optional {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {$(
            $(#[$field_meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,
        )*}
    )*};
}

/// An enumeration of words, each spelled in the API as its variant is.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $word_doc:literal])+ $word:ident,)+ })*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $word_doc])+ $word,)+ }

        impl $name {
            /// Every word.
            pub const ALL: &[Self] = &[$(Self::$word),+];

            /// The word as the API spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let description = [
                    concat!($($doc),+).trim(),
                    $(concat!(stringify!($word), ":", $($word_doc),+)),+
                ].join(" ");
                schemars::json_schema!({
                    "type": "string",
                    "enum": Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
                    "description": description,
                })
            }
        }
    )*};
}

/// A group of settings: each leaf names the keys of the table that it sets, so that the schema and the conversion to
/// core are made from the same line. `nested` groups are settings too, `other` fields are not.
macro_rules! settings {
    ($($(#[$meta:meta])* $name:ident {
        $($field:ident: $type:ty => [$($key:ident),+],)*
        $(@nested { $($(#[$nested_meta:meta])* $nested:ident: $nested_type:ty,)* })?
        $(@other { $($(#[$other_meta:meta])* $other:ident: $other_type:ty,)* })?
    })*) => {$(
        optional! {
            $(#[$meta])*
            $name {
                $(
                    #[doc = concat!("Sets", $(" `", stringify!($key), "`",)+ "; the table of settings describes it.")]
                    #[schemars(description = "")]
                    $field: $type,
                )*
                $($($(#[$nested_meta])* $nested: $nested_type,)*)?
                $($($(#[$other_meta])* $other: $other_type,)*)?
            }
        }

        impl $crate::setting::Settings for $name {
            fn collect(&self, into: &mut $crate::setting::Collector) {
                let Self { $($field,)* $($($nested,)*)? $($($other: _,)*)? } = self;
                $($(into.setting(vpccni_core::config::Key::$key, $field.as_ref());)+)*
                $($(if let Some(group) = $nested { $crate::setting::Settings::collect(group, into); })*)?
            }
        }
    )*};
}
