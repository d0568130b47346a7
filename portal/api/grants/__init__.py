"""Operations on grants, members, renewals and checks."""
