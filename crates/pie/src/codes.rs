//! One declaration for the reasons of a refusal or an error: the variant, its stable name, which is also
//! that of its page in `docs/findings/`, and what to do next.

macro_rules! codes {
    (
        $about:literal;
        $($(#[$doc:meta])* $variant:ident = $name:literal, $hint:literal;)*
    ) => {
        #[doc = $about]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What to do next.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }
        }
    };
}

pub(crate) use codes;
